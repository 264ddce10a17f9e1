// Numbers and states as people read them. Everything here is text: whoever shows it sets textContent.

const clock = new Intl.DateTimeFormat(undefined, {
  hour: "2-digit", minute: "2-digit", second: "2-digit", fractionalSecondDigits: 1, hourCycle: "h23",
});
const day = new Intl.DateTimeFormat(undefined, {month: "short", day: "numeric", hour: "2-digit", minute: "2-digit", hourCycle: "h23"});

export const NONE = "–";

/** Time of day of a Date, to a tenth of a second. */
export const timeOf = (date) => clock.format(date);

/** Day and time of a Date. */
export const dayOf = (date) => day.format(date);

/** Seconds as whole milliseconds, without the unit. */
export const ms = (s) => (s === null || s === undefined ? NONE : String(Math.round(1000 * s)));

/** A number that may be missing, with so many digits after the point. */
export const number = (value, digits = 0) => (value === null || value === undefined ? NONE : value.toFixed(digits));

/** How long ago, roughly. */
export function ago(s) {
  if (s < 1.5) return `${Math.max(0, Math.round(s * 1000 / 10) * 10)} ms`;
  if (s < 90) return `${Math.round(s)} s`;
  if (s < 5400) return `${Math.round(s / 60)} min`;
  return `${Math.round(s / 3600)} h`;
}

const KINDS = {"blink/start": "begins", "blink": "blink", "blink/double": "double", "blink/triple": "triple", "blink/long": "long"};

/** An event's kind in one word. */
export const kindOf = (kind) => KINDS[kind] ?? kind;

export const CONNECTION = {
  waiting: "Waiting for a stream",
  connected: "Connected",
  lost: "Stream lost",
  ended: "Ended",
  unreachable: "No service",
};

const ADVICE = {
  flat: "does not change: is the electrode connected?",
  jumps: "jumps: is the electrode loose, or the cable moving?",
  missing: "sends no numbers",
  noisy: "is much louder than the others",
};

/** What is wrong with a channel, and what to look at. */
export const adviceOf = (state) => ADVICE[state] ?? state;

/** The channels in one sentence. */
export function channelsLine(channels) {
  const bad = channels.filter((channel) => channel.state !== "good").length;
  const all = channels.length;
  if (all === 1) return bad ? "The only channel is not good" : "The only channel is good";
  if (!bad) return `All ${all} channels good`;
  return bad === all ? `None of ${all} channels is good` : `${all - bad} of ${all} channels good`;
}

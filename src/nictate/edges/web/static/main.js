// The page: what comes from the service to the drawings and panels, and what is pressed.

import {Head, Rate} from "./drawings.js";
import {Events, Scenes, Status} from "./feed.js";
import {Quality, Recordings, Table, byId, say} from "./panels.js";
import {Sweep} from "./sweep.js";
import {CONNECTION, NONE, ago, kindOf, ms, number} from "./words.js";

const STALE_S = 3; // A stream that is connected and has sent nothing for so long is worth a word.
const SHUT_MS = 450;

const table = new Table(byId("rows"), byId("none"));
const quality = new Quality(byId("quality-line"), byId("chips"), byId("quality-list"), byId("lanes"));
const rate = new Rate(byId("rate"));
const head = new Head(byId("head"));
const recordings = new Recordings();
const sweep = new Sweep(byId("sweep"), {
  names: (names) => quality.drawn(names),
  scale: (uv, auto) => {
    say(byId("scale"), `${uv < 1000 ? `${uv} µV` : `${uv / 1000} mV`} a lane`);
    byId("auto").setAttribute("aria-pressed", String(auto));
  },
  seconds: (seconds) => say(byId("seconds"), String(seconds)),
  cleaned: (there) => {
    const [raw, cleaned] = document.getElementsByName("which");
    cleaned.disabled = !there;
    if (!there && cleaned.checked) {
      raw.checked = true;
      sweep.choose("raw");
    }
  },
});

// ------------------------------------------------------------------------------------------------------ what comes

let eyeTimer = 0;

function shut() {
  const eye = byId("eye");
  eye.classList.add("shut");
  clearTimeout(eyeTimer);
  eyeTimer = setTimeout(() => eye.classList.remove("shut"), SHUT_MS);
}

const events = new Events({
  begin() {
    table.clear();
    rate.clear();
  },
  entry(entry, live) {
    table.add(entry);
    sweep.blink(entry);
    if (entry.kind === "blink") {
      rate.add(Date.parse(entry.utc));
      if (live) rate.now(Date.now() - clockAhead);
      say(byId("latest"), `Last: ${ms(entry.duration)} ms, ${number(100 * entry.confidence)} %`);
    }
    if (entry.kind !== "blink" && entry.kind !== "blink/start") {
      say(byId("latest"), `Last: ${kindOf(entry.kind)}, ${number(100 * entry.confidence)} %`);
    }
    if (live && (entry.kind === "blink/start" || entry.kind === "blink")) shut();
  },
});

const scenes = new Scenes((scene) => sweep.scene(scene));

let clockAhead = 0; // This browser's clock before the service's, in ms.
let reached = true;
let looks = 0;

const status = new Status((said, error) => {
  const pill = byId("connection");
  if (!said) {
    reached = false;
    pill.dataset.state = "unreachable";
    say(pill, CONNECTION.unreachable);
    say(byId("age"), "");
    notice(error.status === 401 || error.status === 403
      ? `The service does not let this page in: ${error.message}`
      : "nictate does not answer. This page goes on by itself as soon as it does.");
    sweep.fade(true);
    return;
  }
  if (!reached) { // Nothing is lost: events go on from the last id.
    reached = true;
    events.hurry();
    scenes.hurry();
    looks = 0;
  }
  clockAhead = Date.now() - Date.parse(said.utc);
  show(said, pill);
  rate.now(Date.parse(said.utc));
  if (looks++ % 5 === 0) recordings.look();
});

function show(said, pill) {
  const stream = said.stream, age = said.newest_age_s;
  const silent = said.connection === "connected" && age !== null && age > STALE_S;
  pill.dataset.state = silent ? "lost" : said.connection;
  say(pill, silent ? "No samples" : CONNECTION[said.connection] ?? said.connection);
  say(byId("age"), age === null ? "" : `newest sample ${ago(age)} old`);
  say(byId("stream"), stream ? `${stream.name} · ${stream.channels.length} channels · ${number(stream.rate_hz, stream.rate_hz % 1 ? 1 : 0)} Hz` : "No stream yet");
  byId("stream").title = stream ? `${stream.name}, source ${stream.source_id || "not named"}, on ${stream.hostname}` : "";
  notice({
    waiting: "Waiting for an EEG stream on the Lab Streaming Layer.",
    lost: `The stream is lost${age === null ? "" : `: the newest sample is ${ago(age)} old`}. nictate goes on as soon as it is back.`,
    ended: "nictate has ended its work on this stream.",
  }[said.connection] ?? (silent ? `The stream is there, but sends nothing: the newest sample is ${ago(age)} old.` : ""));
  sweep.fade(said.connection !== "connected" || silent);

  quality.show(stream ? stream.channels : []);
  const losses = [];
  if (said.gaps) losses.push(`${said.gaps} ${said.gaps === 1 ? "hole" : "holes"} in the stream`);
  if (said.dropped) losses.push(`${said.dropped} samples lost, fetched too late`);
  say(byId("losses"), losses.join(", "));

  say(byId("ica-line"), said.ica.line.replace(/^ICA: /, "").replaceAll(" = ", "\u00a0=\u00a0"));
  say(byId("ica-trust"), said.ica.trusted ? "The blink source is in use." : "");
  head.show(said.ica.map);

  const tally = said.tally;
  say(byId("per-minute"), number(tally.blinks_per_min));
  say(byId("tally-blinks"), String(tally.blinks));
  say(byId("tally-duration"), tally.duration_s === null ? NONE : `${ms(tally.duration_s)} ms`);
  say(byId("tally-amplitude"), tally.amplitude_uv === null ? NONE : `${number(Math.abs(tally.amplitude_uv))} µV`);
  say(byId("tally-latency"), tally.latency_s === null ? NONE : `${ms(tally.latency_s)} ms`);
}

function notice(text) {
  const element = byId("notice");
  // Ages change all the time: a screen reader is told what has happened, once.
  const kind = text.replace(/[\d.]+ (ms|s|min|h)\b/g, "");
  element.setAttribute("aria-live", element.dataset.kind === kind ? "off" : "polite");
  element.dataset.kind = kind;
  say(element, text);
  element.hidden = text === "";
}

// -------------------------------------------------------------------------------------------------- what is pressed

const pause = byId("pause");
function setPaused(paused) {
  pause.setAttribute("aria-pressed", String(paused));
  say(pause, paused ? "Go on" : "Pause");
  sweep.pause(paused);
}
pause.addEventListener("click", () => setPaused(pause.getAttribute("aria-pressed") !== "true"));
byId("larger").addEventListener("click", () => sweep.zoom(1));
byId("smaller").addEventListener("click", () => sweep.zoom(-1));
byId("auto").addEventListener("click", () => sweep.zoom(0));
for (const radio of document.getElementsByName("which")) radio.addEventListener("change", () => sweep.choose(radio.value));

const help = byId("help"), keysOn = byId("keys-on");
byId("help-open").addEventListener("click", () => help.showModal());
byId("help-close").addEventListener("click", () => help.close());
try { keysOn.checked = localStorage.getItem("keys") !== "off"; } catch { /* Storage is not for everybody. */ }
keysOn.addEventListener("change", () => {
  try { localStorage.setItem("keys", keysOn.checked ? "on" : "off"); } catch { /* As above. */ }
});

const KEYS = {
  "+": () => sweep.zoom(1),
  "=": () => sweep.zoom(1),
  "-": () => sweep.zoom(-1),
  "0": () => sweep.zoom(0),
  "p": () => pause.click(),
  "c": () => {
    const other = [...document.getElementsByName("which")].find((radio) => !radio.checked);
    if (other && !other.disabled) other.click();
  },
  "r": () => (recordings.name.hidden ? recordings.button : recordings.name).focus(),
  "?": () => help.showModal(),
};

document.addEventListener("keydown", (event) => {
  const writes = event.target instanceof HTMLInputElement && event.target.type === "text";
  if (writes || event.ctrlKey || event.metaKey || event.altKey || help.open) return;
  if (!keysOn.checked && event.key !== "?") return;
  const press = KEYS[event.key];
  if (!press) return;
  event.preventDefault();
  press();
});

// ------------------------------------------------------------------------------------------------------------- begin

matchMedia("(prefers-color-scheme: dark)").addEventListener("change", () => {
  for (const drawing of [sweep, rate, head]) drawing.restyle();
});
document.addEventListener("visibilitychange", () => {
  if (document.hidden) scenes.close(); // Nobody sees them; events go on.
  else {
    scenes.open();
    status.look();
  }
});

events.open();
if (!document.hidden) scenes.open();
status.look();

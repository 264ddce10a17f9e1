// What comes from the service: events by id (none missed, none twice), scenes (some may be missed), and the status.
// Each road is taken up again by itself, after a pause that grows to some seconds.

const API = "/api/v1";
const HISTORY = 400;
const FAR_BEHIND = 2000;
const PAUSES_MS = [250, 500, 1000, 2000, 4000];

/** The answer as an object; the error says in one line what the service said. */
export async function ask(path, options = {}) {
  const answer = await fetch(API + path, {signal: AbortSignal.timeout(8000), cache: "no-store", ...options});
  const said = await answer.json().catch(() => ({}));
  if (!answer.ok) {
    const error = new Error(typeof said.error === "string" ? said.error : `the service answered ${answer.status}`);
    error.status = answer.status;
    throw error;
  }
  return said;
}

class Again {
  #tries = 0;
  #timer = 0;
  constructor(what) { this.what = what; }
  well() { this.#tries = 0; }
  soon() {
    clearTimeout(this.#timer);
    this.#timer = setTimeout(this.what, PAUSES_MS[Math.min(this.#tries++, PAUSES_MS.length - 1)]);
  }
  now() { clearTimeout(this.#timer); this.#timer = setTimeout(this.what, 0); }
  never() { clearTimeout(this.#timer); }
}

/** Events, each once and in order: first those of the last minutes, then those that come. */
export class Events {
  #last = null;
  #source = null;
  #opening = 0;
  #again = new Again(() => this.open());

  /** @param {{begin: () => void, entry: (entry: object, live: boolean) => void}} sink */
  constructor(sink) { this.sink = sink; }

  async open() {
    this.close();
    const opening = ++this.#opening;
    try {
      const page = await ask(`/blinks?order=desc&limit=${HISTORY}`);
      if (opening !== this.#opening) return;
      const newest = page.newest ?? 0;
      // A journal that is behind what was seen is another journal.
      if (this.#last === null || newest < this.#last || newest > this.#last + FAR_BEHIND) {
        this.sink.begin();
        this.#last = newest;
        for (const entry of page.entries.sort((a, b) => a.id - b.id)) {
          this.#last = Math.max(this.#last, entry.id);
          this.sink.entry(entry, false);
        }
      }
    } catch {
      if (opening === this.#opening) this.#again.soon();
      return;
    }
    const source = this.#source = new EventSource(`${API}/events?after=${this.#last}`);
    source.onopen = () => this.#again.well();
    source.onmessage = (message) => {
      const entry = JSON.parse(message.data);
      if (entry.id <= this.#last) return;
      this.#last = entry.id;
      this.sink.entry(entry, true);
    };
    source.onerror = () => { // Taken up by us, since a browser gives up for good where it is answered an error.
      if (source !== this.#source) return;
      this.close();
      this.#again.soon();
    };
  }

  /** At once, when the service has been seen again. */
  hurry() { if (!this.#source) this.#again.now(); }

  close() {
    this.#source?.close();
    this.#source = null;
  }
}

/** Scenes while the page is seen. */
export class Scenes {
  #socket = null;
  #wanted = false;
  #again = new Again(() => this.open());

  /** @param {(scene: object) => void} sink */
  constructor(sink) { this.sink = sink; }

  open() {
    this.#wanted = true;
    this.#socket?.close();
    const socket = this.#socket = new WebSocket(`${location.origin.replace(/^http/, "ws")}${API}/signals`);
    socket.onopen = () => this.#again.well();
    socket.onmessage = (message) => { if (socket === this.#socket) this.sink(JSON.parse(message.data)); };
    socket.onclose = () => {
      if (socket !== this.#socket) return;
      this.#socket = null;
      if (this.#wanted) this.#again.soon();
    };
  }

  hurry() { if (this.#wanted && !this.#socket) this.#again.now(); }

  close() {
    this.#wanted = false;
    this.#again.never();
    const socket = this.#socket;
    this.#socket = null;
    socket?.close();
  }
}

/** The status, once a second; less often while the page is not seen. */
export class Status {
  #timer = 0;
  #asked = 0;

  /** @param {(status: object | null, error: Error | null) => void} sink */
  constructor(sink) { this.sink = sink; }

  async look() {
    clearTimeout(this.#timer);
    const asked = ++this.#asked;
    try {
      const status = await ask("/status", {signal: AbortSignal.timeout(4000)});
      if (asked === this.#asked) this.sink(status, null);
    } catch (error) {
      if (asked === this.#asked) this.sink(null, error);
    }
    if (asked === this.#asked) this.#timer = setTimeout(() => this.look(), document.hidden ? 5000 : 1000);
  }
}

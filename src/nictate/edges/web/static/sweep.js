// The signal as an oscilloscope draws it: a pen goes from left to right and starts again, and what it has drawn stands
// still until it comes by. So only what is new is painted: some pixels a frame, however long the page stays open.

import {Ring} from "./ring.js";
import {kindOf} from "./words.js";

export const STEPS_UV = [5, 7.5, 10, 15, 20, 30, 50, 75, 100, 150, 200, 300, 500, 750, 1000, 1500, 2000, 3000, 5000, 10000, 20000, 50000, 100000];
const LEAST_UV = 30; // No louder by itself: rest is to look like rest.
const BLINK_LANES = 1.25; // A blink is as high as this.
const FRAME_MS = 40;
const KEPT_S = 24;
const GAP_PX = 18;
const TOP_PX = 30; // Where blinks are named: patterns above, single ones below.
const PROBABILITY_PX = 56;
const TAG_S = 1; // A name reaches no further than this from its blink.
const PENDING_S = 0.4; // A blink that has begun and is not told as over is shaded this far.
const SPANS = 128;
const SHRINK_AFTER = 12;
const HALF = 1.5; // A trace may reach so many lanes from its own.
const ROOM = 1; // Lanes of room above the first.

export class Sweep {
  #canvas; #pen; #raw = null; #cleaned = null; #probability = new Ring(1, 4096);
  #names = []; #run = null; #dt = 0.01; #lookedAt = 0;
  #which = "raw"; #auto = true; #step = STEPS_UV.indexOf(100); #less = 0; #looked = -Infinity; #paused = false; #faded = false;
  #spans = []; #dirtyFrom = Infinity; #dirtyTo = -Infinity; #all = true; #shown = -Infinity; #frozen = null;
  #asked = false; #soon = false; #painted = -Infinity; #width = 0; #height = 0; #seconds = 10; #ratio = 1; #ink = {};
  #frames = 0; #told = 0; #scratch = new Float32Array(2048);

  /** @param {HTMLCanvasElement} canvas @param {{names: (names: string[]) => void, scale: (uv: number, auto: boolean) => void,
   *  seconds: (seconds: number) => void, cleaned: (there: boolean) => void}} told */
  constructor(canvas, told) {
    this.#canvas = canvas;
    this.told = told;
    this.#pen = canvas.getContext("2d", {alpha: false});
    new ResizeObserver(() => this.#fit()).observe(canvas);
    this.restyle();
  }

  /** So many µV are as high as a lane. */
  get scale() { return STEPS_UV[this.#step]; }

  /** After the colours have changed. */
  restyle() {
    const style = getComputedStyle(this.#canvas);
    const read = (name) => style.getPropertyValue(name).trim();
    this.#ink = {
      paper: read("--paper"), line: read("--grid"), strong: read("--grid-strong"), trace: read("--trace"),
      other: read("--trace-other"), blink: read("--blink"), shade: read("--blink-shade"), text: read("--ink"),
      faint: read("--faint"), area: read("--blink-area"), font: `11px ${style.fontFamily}`,
    };
    this.#everything();
  }

  scene(scene) {
    const names = scene.names;
    if (scene.run !== this.#run || names.length !== this.#names.length || names.some((name, k) => name !== this.#names[k])) {
      this.#begin(scene);
    }
    if (scene.looked_at !== undefined) this.#lookedAt = scene.looked_at;
    const before = this.#ring.newest;
    if (scene.cleaned && !this.#cleaned) {
      this.#cleaned = new Ring(names.length, this.#raw.size);
      this.told.cleaned(true);
    }
    this.#raw.push(scene.raw.times, scene.raw.data);
    if (scene.cleaned) this.#cleaned.push(scene.cleaned.times, scene.cleaned.data);
    for (const [time, p] of scene.probability) {
      this.#probability.push([time], [[p]]);
      this.#soil(time - 0.1, time + 0.02);
    }
    const now = this.#ring.newest;
    if (now < before) { // Another clock.
      this.#spans.length = 0;
      this.#everything();
    } else if (now > before) this.#soil(before - 2 * this.#dt, now);
    if (now > this.#looked + 1 || now < this.#looked) this.#look(now);
    if (!this.#paused) this.#ask();
  }

  /** A blink, or a pattern of such. */
  blink(entry) {
    if (entry.run !== this.#run && this.#run !== null) return;
    const pending = entry.kind === "blink/start";
    if (entry.completes !== null) this.#drop((span) => span.pending && span.decided === entry.completes);
    this.#spans.push({
      id: entry.id, kind: entry.kind, pending, decided: entry.decided, onset: entry.onset, peak: entry.peak,
      end: pending ? Math.max(entry.decided, entry.onset + PENDING_S) : entry.end,
    });
    if (this.#spans.length > SPANS) this.#spans.shift();
    this.#soil(entry.onset - 0.05, this.#spans.at(-1).end + TAG_S);
    this.#told = 0;
    this.#frames = 0;
    this.#ask(true);
  }

  #drop(which) {
    const at = this.#spans.findLastIndex(which);
    if (at < 0) return;
    const [span] = this.#spans.splice(at, 1);
    this.#soil(span.onset - 0.05, span.end + TAG_S);
  }

  /** Draw "raw" or "cleaned". */
  choose(which) {
    this.#which = which;
    this.#everything();
  }

  /** Draw larger (1) or smaller (-1); 0 leaves it to the signal. */
  zoom(by) {
    this.#auto = by === 0;
    if (by === 0) this.#look(this.#ring?.newest ?? 0, true);
    else this.#step = Math.min(STEPS_UV.length - 1, Math.max(0, this.#step - by));
    this.told.scale(this.scale, this.#auto);
    this.#everything();
  }

  pause(paused) {
    this.#paused = paused;
    this.#frozen = paused && this.#run !== null ? this.#ring.newest : null;
    this.#everything();
  }

  /** Whether what is drawn is old: the stream or the service is not there. */
  fade(faded) {
    if (faded === this.#faded) return;
    this.#faded = faded;
    this.#everything();
  }

  get #ring() { return this.#which === "cleaned" && this.#cleaned ? this.#cleaned : this.#raw; }

  #begin(scene) {
    const size = Math.ceil(KEPT_S / scene.dt);
    this.#run = scene.run;
    this.#names = scene.names;
    this.#dt = scene.dt;
    this.#raw = new Ring(scene.names.length, size);
    this.#cleaned = null;
    this.#probability.clear();
    this.#spans.length = 0;
    this.#looked = -Infinity;
    this.#frozen = null;
    this.told.names(scene.names);
    this.told.cleaned(false);
    this.#everything();
  }

  /** The scale that shows the channels on which blinks are sought: larger at once, smaller after some quiet. */
  #look(now, at_once = false) {
    this.#looked = now;
    if (!this.#auto || !this.#raw) return;
    const seen = [];
    for (let k = 0; k < (this.#lookedAt || this.#names.length); k++) {
      const size = this.#raw.magnitude(k, now - 12, this.#scratch);
      if (size > 0) seen.push(size);
    }
    if (!seen.length) return;
    const wanted = Math.max(LEAST_UV, seen.sort((a, b) => a - b)[seen.length >> 1] / BLINK_LANES);
    let step = STEPS_UV.findIndex((uv) => uv >= wanted);
    if (step < 0) step = STEPS_UV.length - 1;
    this.#less = step < this.#step ? this.#less + 1 : 0;
    if (step > this.#step || at_once || this.#less > SHRINK_AFTER) {
      this.#less = 0;
      if (step !== this.#step) {
        this.#step = step;
        this.#everything();
      }
      this.told.scale(this.scale, true);
    }
  }

  #fit() {
    const box = this.#canvas.getBoundingClientRect();
    this.#ratio = Math.min(2, window.devicePixelRatio || 1);
    this.#width = Math.round(box.width);
    this.#height = Math.round(box.height);
    this.#canvas.width = Math.max(1, Math.round(this.#width * this.#ratio));
    this.#canvas.height = Math.max(1, Math.round(this.#height * this.#ratio));
    this.#seconds = this.#width < 480 ? 5 : 10;
    this.told.seconds(this.#seconds);
    this.#all = true;
    this.#paint();
  }

  #everything() {
    this.#all = true;
    this.#ask(true);
  }

  #soil(from, to) {
    this.#dirtyFrom = Math.min(this.#dirtyFrom, from);
    this.#dirtyTo = Math.max(this.#dirtyTo, to);
  }

  #ask(soon = false) {
    this.#soon ||= soon;
    if (this.#asked) return;
    this.#asked = true;
    const frame = (at) => {
      this.#frames++;
      if (!this.#soon && at - this.#painted < FRAME_MS - 4) {
        requestAnimationFrame(frame);
        return;
      }
      this.#asked = this.#soon = false;
      this.#painted = at;
      this.#paint();
    };
    requestAnimationFrame(frame);
  }

  #paint() {
    const pen = this.#pen;
    if (!this.#width || !this.#height) return;
    pen.setTransform(this.#ratio, 0, 0, this.#ratio, 0, 0);
    if (this.#run === null || !this.#ring.count) {
      pen.fillStyle = this.#ink.paper;
      pen.fillRect(0, 0, this.#width, this.#height);
      this.#strip(0, this.#seconds, 0, false);
      return;
    }
    const now = this.#frozen ?? this.#ring.newest;
    const oldest = now - this.#seconds + GAP_PX / this.#perSecond;
    let from = Math.max(oldest, this.#dirtyFrom), to = Math.min(now, this.#dirtyTo);
    if (this.#all) { from = oldest; to = now; }
    this.#all = false;
    this.#dirtyFrom = Infinity;
    this.#dirtyTo = -Infinity;
    if (to > from) {
      // Each part lies within one round of the pen.
      const round = Math.floor(from / this.#seconds), last = Math.floor(to / this.#seconds);
      for (let k = round; k <= last; k++) {
        const begin = Math.max(from, k * this.#seconds), end = Math.min(to, (k + 1) * this.#seconds);
        if (end > begin) this.#strip(begin, end, k * this.#seconds, true);
      }
    }
    this.#tip(now);
    this.#canvas.dataset.newest = now.toFixed(3);
    const newest = this.#spans.at(-1);
    if (newest && newest.id !== this.#told) { // So many frames after it came.
      this.#told = newest.id;
      this.#canvas.dataset.shaded = String(newest.id);
      this.#canvas.dataset.frames = String(this.#frames);
    }
  }

  get #perSecond() { return this.#width / this.#seconds; }

  /** Paints the times from begin to end, of the round that began at origin. */
  #strip(begin, end, origin, filled) {
    const pen = this.#pen, ink = this.#ink, scale = this.#perSecond;
    // Whole pixels of the screen, so that no seam is seen where strips meet.
    const whole = (x, to) => to(x * this.#ratio) / this.#ratio;
    const left = Math.max(0, whole((begin - origin) * scale - 1, Math.floor));
    const right = Math.min(this.#width, whole((end - origin) * scale + 1, Math.ceil));
    const margin = 3 * this.#dt + 3 / scale; // Lines begin outside of the strip.
    const lanes = Math.max(1, this.#names.length), bottom = this.#height - PROBABILITY_PX;
    const lane = (bottom - TOP_PX) / (lanes + ROOM), zero = (k) => TOP_PX + (k + 0.5 + ROOM) * lane;
    pen.save();
    pen.beginPath();
    pen.rect(left, 0, right - left, this.#height);
    pen.clip();
    pen.fillStyle = ink.paper;
    pen.fillRect(left, 0, right - left, this.#height);
    if (this.#faded) pen.globalAlpha = 0.45;

    pen.fillStyle = ink.line;
    for (let s = Math.floor((left - 1) / scale); s <= right / scale; s++) pen.fillRect(Math.round(s * scale), TOP_PX, 1, this.#height);
    for (let k = 0; k < lanes; k++) pen.fillRect(left, Math.round(zero(k)), right - left, 1);
    pen.fillStyle = ink.strong;
    pen.fillRect(left, TOP_PX - 2, right - left, 1);
    pen.fillRect(left, bottom, right - left, 1);

    // Of those that were before there was a signal to be seen with them, the table tells.
    const since = filled ? this.#ring.times[this.#ring.first % this.#ring.size] : Infinity;
    const spans = this.#spans.filter((span) => span.onset < end + TAG_S && span.end + TAG_S > begin && span.end > since);
    for (const span of spans) {
      if (span.kind === "blink/double" || span.kind === "blink/triple") continue;
      const x = (span.onset - origin) * scale, w = Math.max(2, (span.end - span.onset) * scale);
      pen.fillStyle = ink.shade;
      pen.fillRect(x, TOP_PX - 2, w, this.#height - TOP_PX + 2);
    }

    if (filled) {
      const ring = this.#ring;
      const first = ring.from(begin - margin), last = Math.min(ring.count, ring.from(end + margin) + 1);
      pen.lineJoin = "round";
      pen.lineWidth = 1.1;
      for (let k = lanes - 1; k >= 0; k--) {
        pen.strokeStyle = k < this.#lookedAt ? ink.trace : ink.other;
        this.#trace(ring, k, first, last, origin, zero(k), lane / this.scale, HALF * lane);
      }
      this.#probable(begin - margin, end + margin, origin);
      for (const span of spans) this.#name(span, origin);
    }
    pen.restore();
  }

  #trace(ring, k, first, last, origin, zero, gain, most) {
    const pen = this.#pen, scale = this.#perSecond, offset = k * ring.size;
    let before = -Infinity;
    pen.beginPath();
    for (let i = first; i < last; i++) {
      const at = i % ring.size, value = ring.values[offset + at], time = ring.times[at];
      if (value !== value) { before = -Infinity; continue; }
      const x = (time - origin) * scale, y = zero - Math.max(-most, Math.min(most, value * gain));
      if (time - before > 2.5 * this.#dt) pen.moveTo(x, y); else pen.lineTo(x, y);
      before = time;
    }
    pen.stroke();
  }

  #probable(begin, end, origin) {
    const pen = this.#pen, ring = this.#probability, scale = this.#perSecond;
    const high = PROBABILITY_PX - 12, zero = this.#height - 4;
    const first = Math.max(ring.first, ring.from(begin - 0.2) - 1), last = Math.min(ring.count, ring.from(end + 0.2) + 1);
    if (last - first < 2) return;
    for (const [fill, style] of [[true, this.#ink.area], [false, this.#ink.blink]]) {
      let before = -Infinity, x = 0;
      pen.beginPath();
      for (let i = first; i < last; i++) {
        const time = ring.times[i % ring.size], p = ring.values[i % ring.size];
        const broken = time - before > 0.25, y = zero - p * high;
        if (broken && fill && i > first) pen.lineTo(x, zero);
        x = (time - origin) * scale;
        if (broken) { pen.moveTo(x, fill ? zero : y); }
        pen.lineTo(x, y);
        before = time;
      }
      if (fill) { pen.lineTo(x, zero); pen.fillStyle = style; pen.fill(); }
      else { pen.strokeStyle = style; pen.lineWidth = 1.4; pen.stroke(); }
    }
  }

  /** A mark at a blink's peak, a bracket over a pattern. */
  #name(span, origin) {
    const pen = this.#pen, ink = this.#ink, scale = this.#perSecond;
    const x = (span.onset - origin) * scale, end = (span.end - origin) * scale;
    pen.fillStyle = ink.blink;
    pen.strokeStyle = ink.blink;
    if (span.kind === "blink") {
      const peak = (span.peak - origin) * scale;
      pen.beginPath();
      pen.moveTo(peak - 4.5, TOP_PX - 10);
      pen.lineTo(peak + 4.5, TOP_PX - 10);
      pen.lineTo(peak, TOP_PX - 3);
      pen.fill();
    } else if (!span.pending) {
      pen.lineWidth = 1.4;
      pen.beginPath();
      pen.moveTo(x, TOP_PX - 12);
      pen.lineTo(x, TOP_PX - 16);
      pen.lineTo(end, TOP_PX - 16);
      pen.lineTo(end, TOP_PX - 12);
      pen.stroke();
      pen.font = ink.font;
      pen.fillStyle = ink.text;
      pen.fillText(kindOf(span.kind), x, TOP_PX - 20);
    }
  }

  /** The pen, and the space before it, where the round before is wiped away. */
  #tip(now) {
    const pen = this.#pen, x = (now - Math.floor(now / this.#seconds) * this.#seconds) * this.#perSecond;
    pen.fillStyle = this.#ink.paper;
    pen.fillRect(x + 1, 0, GAP_PX, this.#height);
    if (x + 1 + GAP_PX > this.#width) pen.fillRect(0, 0, x + 1 + GAP_PX - this.#width, this.#height);
    pen.fillStyle = this.#faded ? this.#ink.faint : this.#ink.blink;
    pen.fillRect(Math.min(this.#width - 1.5, x), TOP_PX - 2, 1.5, this.#height);
  }
}

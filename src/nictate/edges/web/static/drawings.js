// The small pictures beside the signal: how often, and where on the head.

/** A canvas's pen, fitted to its place on the page and to the screen. */
function fitted(canvas) {
  const box = canvas.getBoundingClientRect(), ratio = Math.min(2, window.devicePixelRatio || 1);
  canvas.width = Math.max(1, Math.round(box.width * ratio));
  canvas.height = Math.max(1, Math.round(box.height * ratio));
  const pen = canvas.getContext("2d");
  pen.setTransform(ratio, 0, 0, ratio, 0, 0);
  return {pen, width: box.width, height: box.height};
}

const colours = (canvas) => {
  const style = getComputedStyle(canvas);
  return {read: (name) => style.getPropertyValue(name).trim(), font: style.fontFamily};
};

export const MINUTES = 10;

/** Blinks in each of the last minutes. */
export class Rate {
  #counts = new Uint16Array(MINUTES + 1);
  #minute = 0; // Of the last count, in minutes of Unix time.
  #drawn = "";
  #since = Infinity;

  constructor(canvas) {
    this.canvas = canvas;
    new ResizeObserver(() => this.#draw()).observe(canvas);
  }

  clear() {
    this.#counts.fill(0);
    this.#minute = 0;
    this.#since = Infinity;
  }

  /** A blink at a time in ms of Unix time. */
  add(utcMs) {
    const minute = Math.floor(utcMs / 60000);
    this.#to(minute);
    const at = MINUTES - (this.#minute - minute);
    if (at >= 0) this.#counts[at]++;
    this.#since = Math.min(this.#since, minute);
  }

  /** It has become this time. */
  now(utcMs) {
    this.#to(Math.floor(utcMs / 60000));
    this.#tell();
  }

  restyle() { this.#drawn = ""; this.#tell(); }

  #to(minute) {
    if (minute <= this.#minute) return;
    const by = Math.min(MINUTES + 1, minute - this.#minute);
    this.#counts.copyWithin(0, by);
    this.#counts.fill(0, MINUTES + 1 - by);
    this.#minute = minute;
  }

  #tell() {
    const said = `${this.#minute} ${this.#counts.join(" ")}`;
    if (said === this.#drawn) return;
    this.#drawn = said;
    this.#draw();
    const past = [...this.#counts].reverse();
    this.canvas.setAttribute("aria-label", `Blinks in this minute: ${past[0]}; in the ${MINUTES} before, the latest first: ${past.slice(1).join(", ")}`);
  }

  #draw() {
    const {pen, width, height} = fitted(this.canvas), {read, font} = colours(this.canvas);
    if (!width) return;
    const most = Math.max(20, Math.ceil(Math.max(...this.#counts) / 10) * 10);
    const foot = 15, top = 12, high = height - foot - top, left = 20, step = (width - left) / (MINUTES + 1);
    pen.font = `10.5px ${font}`;
    pen.fillStyle = read("--faint");
    pen.textAlign = "right";
    for (const value of [0, most / 2, most]) {
      const y = Math.round(top + high * (1 - value / most));
      pen.fillStyle = read("--grid");
      pen.fillRect(left, y, width - left, 1);
      pen.fillStyle = read("--faint");
      pen.fillText(String(value), left - 5, y + 3.5);
    }
    this.#counts.forEach((count, k) => {
      const tall = high * count / most, x = left + k * step + 2;
      pen.fillStyle = read(k === MINUTES ? "--blink" : "--bar");
      pen.beginPath();
      pen.roundRect(x, top + high - tall, step - 4, tall, [2, 2, 0, 0]);
      pen.fill();
    });
    pen.fillStyle = read("--faint");
    pen.textAlign = "left";
    pen.fillText(`−${MINUTES} min`, left, height - 2);
    pen.textAlign = "right";
    pen.fillText("now", width, height - 2);
  }
}

const MOST_POINTS = 64;
const FIELD = 72;

/** What the blink source puts into the electrodes, seen from above with the nose up. */
export class Head {
  #points = [];
  #said = "";

  constructor(canvas) {
    this.canvas = canvas;
    this.field = document.createElement("canvas");
    this.field.width = this.field.height = FIELD;
    new ResizeObserver(() => this.#draw()).observe(canvas);
  }

  show(points) {
    const said = JSON.stringify(points);
    if (said === this.#said) return;
    this.#said = said;
    const every = Math.ceil(points.length / MOST_POINTS);
    this.#points = points.filter((_, k) => k % every === 0);
    const largest = [...points].sort((a, b) => Math.abs(b.weight) - Math.abs(a.weight)).slice(0, 3).map((p) => p.name);
    this.canvas.setAttribute("aria-label", points.length
      ? `Map of the blink source on the head; largest at ${largest.join(", ")}` : "No map of the blink source yet");
    this.#draw();
  }

  restyle() { this.#draw(); }

  #draw() {
    const {pen, width, height} = fitted(this.canvas), {read, font} = colours(this.canvas);
    if (!width) return;
    const radius = Math.min(width, height) / 2 * 0.84, x = width / 2, y = height / 2 + radius * 0.06;
    pen.lineWidth = 1.5;
    pen.strokeStyle = read("--faint");
    pen.beginPath();
    pen.moveTo(x - 0.17 * radius, y - 0.98 * radius);
    pen.lineTo(x, y - 1.15 * radius);
    pen.lineTo(x + 0.17 * radius, y - 0.98 * radius);
    pen.moveTo(x - radius, y - 0.2 * radius);
    pen.bezierCurveTo(x - 1.13 * radius, y - 0.25 * radius, x - 1.13 * radius, y + 0.25 * radius, x - radius, y + 0.2 * radius);
    pen.moveTo(x + radius, y - 0.2 * radius);
    pen.bezierCurveTo(x + 1.13 * radius, y - 0.25 * radius, x + 1.13 * radius, y + 0.25 * radius, x + radius, y + 0.2 * radius);
    pen.stroke();
    if (this.#points.length > 3) {
      this.#paintField(read);
      pen.save();
      pen.beginPath();
      pen.arc(x, y, radius, 0, 2 * Math.PI);
      pen.clip();
      pen.imageSmoothingEnabled = true;
      pen.imageSmoothingQuality = "high";
      pen.drawImage(this.field, x - radius, y - radius, 2 * radius, 2 * radius);
      pen.restore();
    }
    pen.beginPath();
    pen.arc(x, y, radius, 0, 2 * Math.PI);
    pen.stroke();
    if (!this.#points.length) {
      pen.fillStyle = read("--faint");
      pen.font = `11px ${font}`;
      pen.textAlign = "center";
      pen.fillText("no map yet", x, y + 4);
      return;
    }
    pen.fillStyle = read("--ink");
    for (const point of this.#points) {
      pen.beginPath();
      pen.arc(x + point.x * radius, y - point.y * radius, this.#points.length > 32 ? 1.3 : 2, 0, 2 * Math.PI);
      pen.fill();
    }
  }

  /** A thin-plate spline through the electrodes' weights, which is smooth and has no bumps of its own. */
  #paintField(read) {
    const weights = spline(this.#points), pen = this.field.getContext("2d");
    const image = pen.createImageData(FIELD, FIELD);
    const [low, middle, high] = ["--map-low", "--map-middle", "--map-high"].map((name) => rgb(read(name)));
    for (let row = 0; row < FIELD; row++) {
      for (let column = 0; column < FIELD; column++) {
        const at = 4 * (row * FIELD + column);
        const value = weights(2 * (column + 0.5) / FIELD - 1, 1 - 2 * (row + 0.5) / FIELD);
        const part = Math.min(1, Math.abs(value)), end = value < 0 ? low : high;
        for (let c = 0; c < 3; c++) image.data[at + c] = middle[c] + part * (end[c] - middle[c]);
        image.data[at + 3] = 255;
      }
    }
    pen.putImageData(image, 0, 0);
  }
}

const rgb = (hex) => [1, 3, 5].map((at) => parseInt(hex.slice(at, at + 2), 16));
const bend = (squared) => (squared > 1e-12 ? squared * Math.log(squared) : 0);

/** The function of (x, y) through the points' weights that bends least (Duchon 1977), a little smoothed. */
function spline(points) {
  const n = points.length, size = n + 3;
  const rows = points.map((p, i) => [...points.map((q, j) => bend((p.x - q.x) ** 2 + (p.y - q.y) ** 2) + (i === j ? 0.01 : 0)), 1, p.x, p.y, p.weight]);
  for (const of of [() => 1, (p) => p.x, (p) => p.y]) rows.push([...points.map(of), 0, 0, 0, 0]);
  for (let k = 0; k < size; k++) {
    let best = k;
    for (let i = k + 1; i < size; i++) if (Math.abs(rows[i][k]) > Math.abs(rows[best][k])) best = i;
    [rows[k], rows[best]] = [rows[best], rows[k]];
    if (Math.abs(rows[k][k]) < 1e-9) return () => 0; // All in a line, or in one place.
    for (let i = 0; i < size; i++) {
      if (i === k) continue;
      const factor = rows[i][k] / rows[k][k];
      for (let j = k; j <= size; j++) rows[i][j] -= factor * rows[k][j];
    }
  }
  const solved = rows.map((row, k) => row[size] / row[k]);
  return (x, y) => {
    let sum = solved[n] + solved[n + 1] * x + solved[n + 2] * y;
    for (let k = 0; k < n; k++) sum += solved[k] * bend((x - points[k].x) ** 2 + (y - points[k].y) ** 2);
    return sum;
  };
}

// The last points of a few channels, in arrays of fixed size: the page may stay open for days.

export class Ring {
  /** @param {number} channels @param {number} size points that are kept */
  constructor(channels, size) {
    this.channels = channels;
    this.size = size;
    this.times = new Float64Array(size);
    this.values = new Float32Array(channels * size);
    this.count = 0; // So many have come; the oldest that is kept is count - size.
  }

  get first() { return Math.max(0, this.count - this.size); }

  get newest() { return this.count ? this.times[(this.count - 1) % this.size] : -Infinity; }

  /** Forget all, as when the clock has become another. */
  clear() { this.count = 0; }

  /** Points of a scene: times (n) in s and data (channels, n) in µV, null where nothing was measured. */
  push(times, data) {
    for (let j = 0; j < times.length; j++) {
      if (times[j] <= this.newest) {
        if (times[j] > this.newest - 1) continue; // Told twice.
        this.clear(); // Another clock.
      }
      const at = this.count % this.size;
      this.times[at] = times[j];
      for (let k = 0; k < this.channels; k++) this.values[k * this.size + at] = data[k][j] ?? NaN;
      this.count++;
    }
  }

  /** Number of the first point at a time or later; `count` when there is none. */
  from(time) {
    let low = this.first, high = this.count;
    while (low < high) {
      const middle = (low + high) >>> 1;
      if (this.times[middle % this.size] < time) low = middle + 1; else high = middle;
    }
    return low;
  }

  /** Size of what a channel shows: the 99th percentile of its magnitude since a time, 0 without any. */
  magnitude(channel, since, scratch) {
    let n = 0;
    for (let i = this.from(since); i < this.count && n < scratch.length; i++) {
      const value = Math.abs(this.values[channel * this.size + (i % this.size)]);
      if (value === value) scratch[n++] = value;
    }
    if (!n) return 0;
    return scratch.subarray(0, n).sort()[Math.floor(0.99 * (n - 1))];
  }
}

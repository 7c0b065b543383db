// The zone counts of the last minutes, one value a second: begun with what the console remembers, carried on from its messages.

import type { Series, SeriesKind, ZoneHistory } from './types';

export const HISTORY_SECONDS = 900;

export interface Line {
  key: string;
  view: string;
  zone: string;
  label: string;
  kind: SeriesKind;
  now: number | null;
  values: (number | null)[];
}

function keyOf(series: Series): string {
  return JSON.stringify([series.view, series.zone, series.label, series.kind]);
}

export class ZoneLines {
  /** Unix time of the last value, in whole seconds. */
  end = 0;
  readonly lines = new Map<string, Line>();

  /** Replaces everything with the console's memory. */
  reset(history: ZoneHistory): void {
    this.lines.clear();
    this.end = Math.floor(Date.parse(history.end) / 1000);
    for (const series of history.series) {
      const values = (series.values ?? []).slice(-HISTORY_SECONDS);
      while (values.length < HISTORY_SECONDS) values.unshift(null);
      this.lines.set(keyOf(series), { ...series, key: keyOf(series), values });
    }
  }

  /** Takes over the numbers of now; what is not named keeps its number. */
  update(history: ZoneHistory): void {
    for (const series of history.series) {
      const key = keyOf(series);
      const line = this.lines.get(key);
      if (line) line.now = series.now;
      else this.lines.set(key, { ...series, key, values: new Array<number | null>(HISTORY_SECONDS).fill(null) });
    }
  }

  /** Moves on to `seconds` of Unix time, carrying the present numbers along. */
  advance(seconds: number): void {
    if (this.end === 0) this.end = seconds - 1;
    const steps = Math.min(Math.max(seconds - this.end, 0), HISTORY_SECONDS);
    for (const line of this.lines.values()) {
      for (let i = 0; i < steps; ++i) line.values.push(line.now);
      line.values.splice(0, line.values.length - HISTORY_SECONDS);
      if (steps === 0) line.values[line.values.length - 1] = line.now;
    }
    this.end = Math.max(this.end, seconds);
  }
}

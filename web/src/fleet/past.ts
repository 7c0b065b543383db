import type { FleetApplication } from './types';

export const PAST_SECONDS = 900;
const MOST_APPLICATIONS = 200;

/** Latencies in ms and frames a second as this page saw them, at most one a second. */
export interface Past {
  times: number[];
  p50: (number | null)[];
  p95: (number | null)[];
  p99: (number | null)[];
  fps: number[];
}

const pasts = new Map<string, Past>();

export function pastOf(application: string): Past {
  return pasts.get(application) ?? { times: [], p50: [], p95: [], p99: [], fps: [] };
}

export function forgetPasts(): void {
  pasts.clear();
}

export function remember(applications: readonly FleetApplication[], now: number): void {
  for (const { name, latency, fps } of applications) {
    let past = pasts.get(name);
    if (!past) {
      if (pasts.size >= MOST_APPLICATIONS) continue;
      past = pastOf(name);
      pasts.set(name, past);
    }
    const last = past.times.at(-1);
    if (last !== undefined && now - last < 0.9) continue;
    const ms = (seconds: number) => (latency.count > 0 ? seconds * 1000 : null);
    past.times.push(now);
    past.p50.push(ms(latency.p50));
    past.p95.push(ms(latency.p95));
    past.p99.push(ms(latency.p99));
    past.fps.push(fps);
    while ((past.times[0] ?? now) < now - PAST_SECONDS)
      for (const list of [past.times, past.p50, past.p95, past.p99, past.fps]) list.shift();
  }
}

// What the console's HTTP interface answers; see /api/openapi.json.

export interface Quantiles {
  count: number;
  p50_ms: number | null;
  p95_ms: number | null;
  p99_ms: number | null;
}

export type Counts = Record<string, number>;

export interface StreamStatus {
  view: string;
  name: string;
  url: string;
  state: string;
  last_error: string;
  capture_clock: string;
  frames: number;
  reconnects: number;
  dropped: Counts;
  fps: number;
  width: number;
  height: number;
}

export interface ModuleStatus {
  name: string;
  type: string;
  inputs: string[];
  received: number;
  processed: number;
  emitted: number;
  errors: number;
  last_error: string;
  dropped: Counts;
  rate_per_second: number;
  drops_per_second: number;
  queue_depth: number;
  queue_capacity: number;
  wait: Quantiles;
  execution: Quantiles;
}

export interface ApplicationStatus {
  name: string;
  tenant: string;
  state: string;
  objective_latency_p95_ms: number;
  latency: Quantiles;
  latency_since_start: Quantiles;
  streams: StreamStatus[];
  modules: ModuleStatus[];
}

export interface Status {
  version: string;
  uptime_seconds: number;
  time: string;
  window_seconds: number;
  applications: ApplicationStatus[];
}

export interface Zone {
  name: string;
  points: [number, number][];
}

export interface View {
  view: string;
  application: string;
  stream: string;
  ended: boolean;
  observations: number;
  sequence?: number;
  width?: number;
  height?: number;
  zones?: Zone[];
}

export interface VisionEvent {
  id: number;
  view: string;
  kind: string;
  time: string;
  seen: string;
  sequence: number;
  zone: string;
  label: string;
  track: number | null;
  count: number;
  dwell_seconds: number;
}

export interface EventPage {
  epoch: string;
  newest: number;
  lost: number;
  events: VisionEvent[];
}

export type SeriesKind = 'inside' | 'forward' | 'backward';

export interface Series {
  view: string;
  zone: string;
  label: string;
  kind: SeriesKind;
  now: number | null;
  values?: (number | null)[];
}

export interface ZoneHistory {
  end: string;
  step_seconds: number;
  series: Series[];
}

/** x, y, width, height in pixels of the frame, class, score, track id. */
export type DetectedObject = [number, number, number, number, string, number, number | null];

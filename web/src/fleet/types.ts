// What the interface of a fleet answers; see docs/fleet-api.md. Times are Unix seconds, durations seconds unless named otherwise.

import type { Counts } from '../types';

/** In seconds. All zero while `count` is. */
export interface Times {
  count: number;
  p50: number;
  p95: number;
  p99: number;
  mean?: number;
}

export interface Overview {
  controller: {
    name: string;
    epoch: string;
    version: string;
    leader: boolean;
    leader_name?: string;
    leader_url?: string;
    store: string;
    lease_seconds: number;
    /** Why nothing can be stored now; empty: all is well. */
    problem?: string;
  };
  revision: number;
  /** These only of one that leads. */
  nodes?: number;
  applications?: number;
  streams?: number;
  replicas?: number;
}

export interface FleetNode {
  name: string;
  state: string;
  version: string;
  protocol: number;
  labels: Record<string, string>;
  console: string;
  cores: number;
  cpu: number;
  machine_cpu: number;
  memory_bytes: number;
  memory_used_bytes: number;
  speed: number;
  plan_version: number;
  wanted_version: number;
  plan_state: string;
  plan_error: string;
  last_seen: number;
  lease_left: number;
  streams: number;
  replicas: number;
  applications: string[];
  link_addresses: string[];
}

export interface Objective {
  latency_p95_ms: number;
  min_fps: number;
}

export interface FleetApplication {
  name: string;
  tenant: string;
  version: number;
  state: string;
  priority: number;
  objective: Objective;
  met: boolean | null;
  why: string;
  level: number;
  level_text: string;
  latency: Times;
  fps: number;
  delivered: number;
  gaps: number;
  dropped: Counts;
  streams: string[];
  nodes: string[];
  shared_with: string[];
  created: number;
  changed: number;
}

export interface Version {
  version: number;
  time: number;
  who: string;
  text: string;
}

export interface Prediction {
  latency_p95_ms: number;
  fps: number;
  met: boolean;
}

export interface GraphSource {
  name: string;
  key: string;
  node: string;
  state: string;
  fps: number;
}

export interface GraphModule {
  name: string;
  type: string;
  key: string;
  inputs: string[];
  sink: boolean;
  nodes: string[];
  users: string[];
  fps: number;
  queue_depth: number;
  queue_capacity: number;
  wait: Times;
  execution: Times;
  errors: number;
  last_error: string;
  dropped: Counts;
}

export interface GraphEdge {
  from: string;
  to: string;
  from_node: string;
  to_node: string;
  fps: number;
  link: boolean;
  bytes_per_second: number;
  latency: Times;
}

export interface Graph {
  sources: GraphSource[];
  modules: GraphModule[];
  edges: GraphEdge[];
}

export interface ApplicationDetail extends FleetApplication {
  yaml: string;
  versions: Version[];
  graph: Graph;
  prediction: Prediction | null;
}

export interface Change {
  what: string;
  kind: string;
  name: string;
  from?: string | null;
  to?: string | null;
}

export interface Refusal {
  message: string;
  best: { latency_p95_ms: number; fps: number };
}

export interface Applied {
  application: string;
  version: number;
  changes: Change[];
  effect: string[];
  prediction: Prediction | null;
  refused: Refusal | null;
  dry_run: boolean;
}

export interface FleetStream {
  key: string;
  name: string;
  url: string;
  node: string;
  state: string;
  fps: number;
  frames: number;
  width: number;
  height: number;
  reconnects: number;
  last_error: string;
  dropped: Counts;
  users: string[];
}

export interface FleetLink {
  from: string;
  to: string;
  state: string;
  address: string;
  rtt_seconds: number;
  clock_offset_seconds: number;
  /** What it can carry, estimated. */
  bytes_per_second: number;
  bytes_sent: number;
  /** What it carries now. */
  bytes_rate: number;
  sent: number;
  received: number;
  gaps: number;
  reconnects: number;
  last_error: string;
  serialise: Times;
  send: Times;
  receive: Times;
}

export interface LogLine {
  id: number;
  time: number;
  level: string;
  node: string;
  application: string;
  text: string;
}

export interface LogPage {
  lines: LogLine[];
  newest: number;
}

export interface Span {
  trace_id: string;
  span_id: string;
  parent_id: string;
  name: string;
  kind: string;
  node: string;
  stage: string;
  stream: string;
  sequence: number;
  start: number;
  duration: number;
}

export interface Trace {
  trace_id: string;
  stream: string;
  sequence: number;
  start: number;
  duration: number;
  spans: Span[];
}

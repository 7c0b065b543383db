// A made-up fleet that lives: 8 nodes, 12 applications of 3 tenants. Every figure follows from the time, so that it moves.

const LEASE_SECONDS = 2;
const MB = 1e6;

/** A steady number between 0 and 1 from a text. */
function chance(text) {
  let hash = 2166136261;
  for (const letter of text) hash = Math.imul(hash ^ letter.codePointAt(0), 16777619);
  hash = Math.imul(hash ^ (hash >>> 15), 2246822507);
  return ((hash ^ (hash >>> 13)) >>> 0) / 2 ** 32;
}

/** About 1, slowly swaying. */
function sway(name, now, depth = 0.12) {
  const phase = 6.28 * chance(name);
  return 1 + depth * (0.7 * Math.sin(now / 7 + phase) + 0.3 * Math.sin(now / 1.7 + 2 * phase));
}

function times(name, now, p50) {
  const base = p50 * sway(name, now);
  return {
    count: 150,
    p50: base,
    p95: base * 1.9 * sway(`${name}95`, now, 0.06),
    p99: base * 2.6 * sway(`${name}99`, now, 0.1),
    mean: base * 1.15,
  };
}

const NODES = [
  ['box-1', 8, 16e9, 0.9, { site: 'yard', gpu: 'no' }],
  ['box-2', 8, 16e9, 0.95, { site: 'gate' }],
  ['cam-1', 4, 2e9, 0.31, { site: 'yard', kind: 'camera' }],
  ['cam-2', 4, 2e9, 0.31, { site: 'yard', kind: 'camera' }],
  ['cam-3', 4, 2e9, 0.31, { site: 'gate', kind: 'camera' }],
  ['cam-4', 4, 2e9, 0.31, { site: 'dock', kind: 'camera' }],
  ['gpu-1', 16, 64e9, 1.4, { site: 'rack', gpu: 'yes' }],
  ['old-box', 2, 4e9, 0.2, { site: 'dock' }],
];

/** name, tenant, sources, modules [name, type, inputs, node, ms], objective, more */
const DETECT = (node) => ['detect', 'detect', ['decode'], node, 31];
const PEOPLE = (node, box) => [['decode', 'decode', ['source'], node, 2], DETECT(box), ['track', 'track', ['detect'], box, 1.1]];
const APPLICATIONS = [
  [
    'people',
    'front-desk',
    ['yard', 'gate'],
    [
      ...PEOPLE('cam-1', 'box-1'),
      ['roi', 'roi', ['track'], 'box-1', 0.2],
      ['events', 'jsonl', ['roi'], 'box-1', 0.1],
      ['console', 'console', ['roi'], 'box-1', 0.05],
      ['clip', 'video', ['detect', 'track'], 'box-2', 4],
    ],
    [200, 10],
    {},
  ],
  [
    'visitors',
    'front-desk',
    ['gate'],
    [
      ...PEOPLE('cam-3', 'box-1'),
      ['crop', 'crop', ['track'], 'box-1', 0.8],
      ['embed', 'embed', ['crop'], 'gpu-1', 9],
      ['match', 'reid', ['embed'], 'gpu-1', 0.7],
      ['hook', 'webhook', ['match'], 'box-2', 1.5],
    ],
    [250, 0],
    {},
  ],
  [
    'queue-length',
    'front-desk',
    ['hall'],
    [...PEOPLE('cam-4', 'box-2'), ['roi', 'roi', ['track'], 'box-2', 0.2], ['events', 'jsonl', ['roi'], 'box-2', 0.1]],
    [300, 5],
    {},
  ],
  [
    'vehicles',
    'yard-ops',
    ['yard', 'ramp', 'dock'],
    [
      ['decode', 'decode', ['source'], 'cam-2', 2],
      ['detect', 'detect', ['decode'], 'gpu-1', 12],
      ['track', 'track', ['detect'], 'gpu-1', 0.9],
      ['plates', 'ocr', ['track'], 'gpu-1', 22],
      ['events', 'jsonl', ['plates'], 'gpu-1', 0.1],
    ],
    [120, 15],
    { level: 1, level_text: '10 frames a second instead of 15', late: 1.25 },
  ],
  [
    'forklifts',
    'yard-ops',
    ['ramp'],
    [
      ['decode', 'decode', ['source'], 'cam-2', 2],
      ['detect', 'detect', ['decode'], 'gpu-1', 12],
      ['track', 'track', ['detect'], 'gpu-1', 0.9],
      ['line', 'roi', ['track'], 'gpu-1', 0.2],
      ['hook', 'webhook', ['line'], 'gpu-1', 1],
    ],
    [150, 10],
    {},
  ],
  ['gate-log', 'yard-ops', ['gate'], [...PEOPLE('cam-3', 'box-1'), ['events', 'jsonl', ['track'], 'box-1', 0.1]], [250, 10], {}],
  [
    'night-watch',
    'yard-ops',
    ['dock'],
    [
      ['motion', 'motion', ['source'], 'old-box', 3],
      ['detect', 'detect', ['motion'], 'old-box', 160],
      ['hook', 'webhook', ['detect'], 'old-box', 1],
    ],
    [100, 5],
    { fails: 'old-box: the model detect/yolo11n-640 needs 1.9 GB, and 0.4 GB are free' },
  ],
  [
    'perimeter',
    'yard-ops',
    Array.from({ length: 14 }, (_, i) => `fence-${i + 1}`),
    [
      ['decode', 'decode', ['source'], 'cam-2', 2],
      ['detect', 'detect', ['decode'], 'gpu-1', 12],
      ['roi', 'roi', ['detect'], 'gpu-1', 0.3],
      ['alarm', 'webhook', ['roi'], 'box-2', 1],
    ],
    [400, 2],
    {},
  ],
  [
    'faces-blurred',
    'lab',
    ['hall'],
    [...PEOPLE('cam-4', 'box-2'), ['blur', 'privacy', ['track'], 'box-2', 5], ['video', 'video', ['blur'], 'box-2', 4]],
    [0, 0],
    {},
  ],
  [
    'model-trial',
    'lab',
    ['yard'],
    [
      ['decode', 'decode', ['source'], 'cam-1', 2],
      ['detect', 'detect', ['decode'], 'gpu-1', 19],
      ['score', 'score', ['detect'], 'gpu-1', 0.1],
    ],
    [500, 0],
    {},
  ],
  [
    'dwell-study',
    'lab',
    ['hall'],
    [...PEOPLE('cam-4', 'box-2'), ['roi', 'roi', ['track'], 'box-2', 0.2], ['events', 'jsonl', ['roi'], 'box-2', 0.1]],
    [0, 0],
    { stopped: true },
  ],
  ['heat-map', 'lab', ['yard', 'gate'], [...PEOPLE('cam-1', 'box-1'), ['heat', 'heatmap', ['track'], 'box-1', 1.4]], [1000, 0], {}],
];

const CAMERAS = { yard: 'cam-1', gate: 'cam-3', hall: 'cam-4', ramp: 'cam-2', dock: 'old-box' };
const cameraOf = (source) =>
  CAMERAS[source] ?? (source.startsWith('fence') ? ['cam-1', 'cam-2', 'cam-3'][Number(source.slice(6)) % 3] : 'box-1');

function yamlOf(name, tenant, sources, modules, [late, fps]) {
  const objective =
    late || fps ? `objective: {${[late && `latency_p95_ms: ${late}`, fps && `min_fps: ${fps}`].filter(Boolean).join(', ')}}\n` : '';
  return (
    `# ${name}, for ${tenant}\napplication: ${name}\ntenant: ${tenant}\n${objective}\nsources:\n` +
    sources.map((source) => `  - {name: ${source}, url: "rtsp://10.0.0.${10 + Math.floor(chance(source) * 90)}/stream1"}\n`).join('') +
    '\nmodules:\n' +
    modules
      .map(([module, type, inputs], i) => {
        const before = i === 0 ? 'source' : modules[i - 1][0];
        const rows = [`  - type: ${type}`];
        if (module !== type) rows.push(`    name: ${module}`);
        if (inputs.length > 1 || inputs[0] !== before) rows.push(`    inputs: [${inputs.join(', ')}]`);
        if (type === 'detect') rows.push('    model: nanodet-g-320', '    score: 0.1');
        return `${rows.join('\n')}\n`;
      })
      .join('')
  );
}

export class Fleet {
  constructor({ empty = false, hostile = false, clock = () => Date.now() / 1000 } = {}) {
    this.clock = clock;
    this.began = clock();
    this.revision = 100;
    this.lines = [];
    this.watchers = new Set();
    this.nodes = new Map();
    this.applications = new Map();
    this.leader = true;
    if (empty) return;
    for (const [name, cores, memory, speed, labels] of NODES) this.nodes.set(name, { name, cores, memory, speed, labels, drained: false });
    this.nodes.get('cam-2').lost = this.began - 41;
    this.nodes.get('old-box').version = '0.2.3';
    for (const [name, tenant, sources, modules, objective, more] of APPLICATIONS) {
      this.applications.set(name, {
        name,
        tenant,
        sources,
        modules,
        objective,
        running: !more.stopped,
        ...more,
        version: 1 + Math.floor(4 * chance(name)),
        created: this.began - 86_400 * (1 + 9 * chance(name)),
        yaml: yamlOf(name, tenant, sources, modules, objective),
      });
    }
    if (hostile) this.addHostile();
    for (const app of this.applications.values()) app.versions = this.historyOf(app);
    this.fillLog();
  }

  /** Names that try to be markup and scripts: none may come from a checked application, but a page must not rely on it. */
  addHostile() {
    const evil = '<img src=x onerror="window.broken=1">';
    this.nodes.set(evil, {
      name: evil,
      cores: 2,
      memory: 4e9,
      speed: 1,
      labels: { [evil]: '"><script>window.broken=1</script>' },
      drained: false,
      console: 'javascript:window.broken=1',
    });
    const modules = [
      [evil, `${evil}`, ['source'], evil, 5],
      ['sink</text><script>window.broken=1</script>', 'jsonl', [evil], 'box-1', 1],
    ];
    this.applications.set(evil, {
      name: evil,
      tenant: '</td><script>window.broken=1</script>',
      sources: [evil],
      modules,
      objective: [100, 0],
      running: true,
      version: 1,
      created: this.began,
      yaml: `application: </textarea><script>window.broken=1</script>\n# ${evil}\n`,
      fails: `${evil} failed`,
    });
    this.say('error', evil, evil, `${evil}<script>window.broken=1</script>`);
  }

  historyOf(app) {
    const texts = ['created', 'detect.score: 0.4 → 0.1', 'objective latency_p95_ms: 500 → 200', '+ module roi, + module events'];
    return Array.from({ length: app.version }, (_, i) => ({
      version: i + 1,
      time: app.created + i * 7000,
      who: i % 2 === 0 ? 'anna' : 'ci',
      text: texts[i % texts.length],
    }));
  }

  fillLog() {
    const past = [
      [3600, 'info', '', '', 'controller leads, epoch 7f3a; 8 nodes, 12 applications'],
      [3000, 'info', 'box-1', 'people', 'detect of yard runs on box-1: cam-1 would take 96 ms a frame'],
      [1800, 'warning', 'gpu-1', 'vehicles', 'p95 was 171 ms for 3.0 s, 120 ms were asked for'],
      [1797, 'info', '', 'vehicles', 'lowered to 10 frames a second instead of 15: gpu-1 is full, and no other node has a GPU'],
      [600, 'error', 'old-box', 'night-watch', 'old-box: the model detect/yolo11n-640 needs 1.9 GB, and 0.4 GB are free'],
      [420, 'warning', 'cam-3', 'visitors', 'link cam-3 → box-1 was away for 1.2 s: 4 observations lost'],
      [41, 'error', 'cam-2', '', 'cam-2 is lost: not heard of for 2.0 s'],
      [40.5, 'info', '', 'forklifts', 'decode of ramp moves from cam-2 to box-2: cam-2 is lost'],
      [38, 'info', 'box-2', 'forklifts', 'ramp streams again after 3.1 s; 46 frames were not seen'],
    ];
    for (const [ago, level, node, application, text] of past) this.say(level, node, application, text, this.began - ago);
  }

  say(level, node, application, text, time = this.clock()) {
    const line = { id: this.lines.length + 1, time, level, node, application, text };
    this.lines.push(line);
    this.touch();
    for (const watcher of this.watchers) watcher('log', line);
    return line;
  }

  touch() {
    ++this.revision;
    for (const watcher of this.watchers) watcher('fleet', { revision: this.revision });
  }

  stateOf(app) {
    if (!app.running) return { state: 'stopped', met: null, why: '' };
    if (app.fails) return { state: 'failed', met: null, why: app.fails };
    const p95 = this.latencyOf(app).p95 * 1000;
    const [late] = app.objective;
    const met = late > 0 ? p95 <= late : app.objective[1] > 0 ? true : null;
    const whys = [];
    if (met === false) whys.push(`p95 is ${p95.toFixed(0)} ms, ${late} ms were asked for`);
    if (app.level) whys.push(`lowered: ${app.level_text}`);
    return { state: whys.length > 0 ? 'degraded' : 'running', met, why: whys.join('; ') };
  }

  latencyOf(app) {
    if (!app.running || app.fails) return { count: 0, p50: 0, p95: 0, p99: 0, mean: 0 };
    const [late] = app.objective;
    return times(app.name, this.clock(), ((late || 180) / 1000) * 0.36 * (app.late ?? 1) * (1 + 0.12 * chance(app.name)));
  }

  fpsOf(app) {
    return !app.running || app.fails ? 0 : (app.level ? 10 : 15) * sway(`${app.name} fps`, this.clock(), 0.01);
  }

  usersOf(app, module) {
    const [name, type] = module;
    const alike = [...this.applications.values()].filter(
      (other) =>
        other.running &&
        !['jsonl', 'console', 'video', 'webhook'].includes(type) &&
        other.sources.some((source) => app.sources.includes(source)) &&
        other.modules.some(([n, t, , node]) => n === name && t === type && node === module[3]),
    );
    return alike.map((other) => other.name);
  }

  sharedWith(app) {
    return [...new Set(app.modules.flatMap((module) => this.usersOf(app, module)))].filter((name) => name !== app.name).sort();
  }

  placeOf(node) {
    const lost = this.nodes.get(node)?.lost;
    const drained = this.nodes.get(node)?.drained;
    return lost || drained ? 'box-2' : node;
  }

  application(app) {
    const { state, met, why } = this.stateOf(app);
    const seconds = this.clock() - this.began;
    return {
      name: app.name,
      tenant: app.tenant,
      version: app.version,
      state,
      priority: 50,
      objective: { latency_p95_ms: app.objective[0], min_fps: app.objective[1] },
      met,
      why,
      level: app.level ?? 0,
      level_text: app.level_text ?? '',
      latency: this.latencyOf(app),
      fps: this.fpsOf(app),
      delivered: app.running && !app.fails ? Math.floor(120_000 * chance(app.name) + 15 * seconds) : 0,
      gaps: app.name === 'visitors' ? 4 : 0,
      dropped: app.level ? { superseded: Math.floor(5 * seconds) } : {},
      streams: app.sources,
      nodes: [...new Set(app.modules.map(([, , , node]) => this.placeOf(node)))],
      shared_with: this.sharedWith(app),
      created: app.created,
      changed: app.versions?.at(-1)?.time ?? app.created,
    };
  }

  detail(app) {
    const now = this.clock();
    const on = app.running && !app.fails;
    const none = { count: 0, p50: 0, p95: 0, p99: 0, mean: 0 };
    const fps = this.fpsOf(app);
    const sources = app.sources.map((name) => ({
      name,
      key: `s-${name}`,
      node: this.placeOf(cameraOf(name)),
      state: on ? 'streaming' : app.fails ? 'failed' : 'waiting',
      fps,
    }));
    const modules = app.modules.map((module) => {
      const [name, type, inputs, node, cost] = module;
      return {
        name,
        type,
        key: `m-${app.name}-${name}`,
        inputs,
        nodes: [this.placeOf(node)],
        users: this.usersOf(app, module),
        fps: fps * app.sources.length,
        queue_depth: on ? Math.floor(4.99 * chance(`${name}${Math.floor(now / 2)}`)) : 0,
        queue_capacity: 4,
        wait: on ? times(`${name} wait`, now, cost / 4000) : none,
        execution: on ? times(name, now, cost / 1000) : none,
        errors: app.fails && type === 'detect' ? 3 : 0,
        last_error: app.fails && type === 'detect' ? app.fails : '',
        dropped: app.level && type === 'detect' ? { superseded: Math.floor(5 * (now - this.began)) } : {},
      };
    });
    const at = new Map(app.modules.map(([name, , , node]) => [name, this.placeOf(node)]));
    const edge = (from, to, fromNode, rate) => {
      const link = fromNode !== at.get(to);
      return {
        from,
        to,
        from_node: fromNode,
        to_node: at.get(to),
        fps: rate,
        link,
        bytes_per_second: link ? rate * 61_000 : 0,
        latency: on ? times(`${from}${to}`, now, link ? 0.0042 : 0.0006) : none,
      };
    };
    const edges = app.modules.flatMap(([name, , inputs]) =>
      inputs.flatMap((input) =>
        input === 'source'
          ? sources.map((source) => edge(source.name, name, source.node, fps))
          : [edge(input, name, at.get(input), fps * app.sources.length)],
      ),
    );
    const [late] = app.objective;
    return {
      ...this.application(app),
      yaml: app.yaml,
      versions: app.versions,
      graph: { sources, modules, edges },
      prediction: { latency_p95_ms: (late || 400) * 0.78, fps: 15, met: !app.level },
    };
  }

  nodeOf(node) {
    const now = this.clock();
    const hosted = [...this.applications.values()].filter(
      (app) => app.running && app.modules.some((module) => this.placeOf(module[3]) === node.name),
    );
    const load = node.lost ? 0 : node.cores * Math.min(0.93, 0.08 + 0.11 * hosted.length) * sway(node.name, now);
    const lease = node.lost ? 0 : LEASE_SECONDS - ((now * 2 + chance(node.name)) % 1) / 2;
    const version = node.version ?? '0.3.0';
    return {
      name: node.name,
      state: node.lost ? 'lost' : node.drained ? (now - node.drained > 3 ? 'drained' : 'draining') : 'ready',
      version,
      protocol: 1,
      labels: node.labels,
      console: node.console ?? `http://${node.name}.example:8080/`,
      cores: node.cores,
      cpu: load,
      machine_cpu: Math.min(node.cores, load * 1.15),
      memory_bytes: node.memory,
      memory_used_bytes: node.lost ? 0 : node.memory * (0.22 + 0.5 * chance(`${node.name} memory`)),
      speed: node.speed,
      plan_version: 41,
      wanted_version: node.drained ? 42 : 41,
      plan_state: 'running',
      plan_error: node.name === 'old-box' ? 'night-watch: the model detect/yolo11n-640 needs 1.9 GB, and 0.4 GB are free' : '',
      last_seen: node.lost ?? now - 0.3,
      lease_left: lease,
      streams: node.lost ? 0 : Object.values(CAMERAS).filter((name) => this.placeOf(name) === node.name).length,
      replicas: node.lost
        ? 0
        : new Set(
            hosted.flatMap((app) =>
              app.modules.filter((module) => this.placeOf(module[3]) === node.name).map(([name, type]) => `${name} ${type}`),
            ),
          ).size,
      applications: hosted.map((app) => app.name),
      link_addresses: [`tcp://${node.name}:7070`],
    };
  }

  links() {
    const now = this.clock();
    const since = now - this.began;
    const pairs = new Map();
    for (const app of this.applications.values()) {
      if (!app.running || app.fails) continue;
      for (const edge of this.detail(app).graph.edges) {
        if (edge.link)
          pairs.set(`${edge.from_node} ${edge.to_node}`, [
            edge.from_node,
            edge.to_node,
            (pairs.get(`${edge.from_node} ${edge.to_node}`)?.[2] ?? 0) + edge.bytes_per_second,
          ]);
      }
    }
    const links = [...pairs.values()].map(([from, to, rate]) => ({
      from,
      to,
      state: 'up',
      address: `tcp://${to}:7070`,
      rtt_seconds: 0.0011 * sway(from + to, now, 0.3),
      clock_offset_seconds: (chance(to + from) - 0.5) * 0.004,
      bytes_per_second: (20 + 90 * chance(from)) * MB,
      bytes_sent: rate * (since + 3600),
      bytes_rate: rate * sway(`${from}${to}r`, now),
      sent: Math.floor((rate / 61_000) * (since + 3600)),
      received: Math.floor((rate / 61_000) * (since + 3600)),
      gaps: from === 'cam-3' ? 4 : 0,
      reconnects: from === 'cam-3' ? 1 : 0,
      last_error: '',
      serialise: times(`${from}s`, now, 0.0003),
      send: times(`${from}n`, now, 0.0021),
      receive: times(`${from}v`, now, 0.0004),
    }));
    if (this.nodes.has('cam-2')) {
      const none = { count: 0, p50: 0, p95: 0, p99: 0 };
      links.push({
        from: 'gpu-1',
        to: 'cam-2',
        state: 'waiting',
        address: 'tcp://cam-2:7070',
        rtt_seconds: 0,
        clock_offset_seconds: 0,
        bytes_per_second: 0,
        bytes_sent: 9e9,
        bytes_rate: 0,
        sent: 150_000,
        received: 0,
        gaps: 0,
        reconnects: 12,
        last_error: 'connect to cam-2:7070: no route to host',
        serialise: none,
        send: none,
        receive: none,
      });
    }
    return links;
  }

  streams() {
    const now = this.clock();
    const names = [...new Set([...this.applications.values()].flatMap((app) => app.sources))];
    return names.map((name) => {
      const users = [...this.applications.values()].filter((app) => app.running && app.sources.includes(name));
      const failed = name === 'fence-9';
      return {
        key: `s-${name}`,
        name,
        url: `rtsp://10.0.0.${10 + Math.floor(chance(name) * 90)}/stream1`,
        node: this.placeOf(cameraOf(name)),
        state: failed ? 'failed' : users.length > 0 ? 'streaming' : 'waiting',
        fps: failed || users.length === 0 ? 0 : 15 * sway(name, now, 0.01),
        frames: failed ? 0 : Math.floor(90_000 * chance(name) + 15 * (now - this.began)),
        width: 1280,
        height: 720,
        reconnects: failed ? 31 : name === 'ramp' ? 1 : 0,
        last_error: failed ? 'rtsp://10.0.0.77/stream1: connection refused (is the camera on?)' : '',
        dropped: {},
        users: users.map((app) => app.name),
      };
    });
  }

  /** One sampled frame every two seconds of each running application. */
  traces(application, limit) {
    const now = this.clock();
    const all = [];
    for (const app of this.applications.values()) {
      if (!app.running || app.fails || (application && app.name !== application)) continue;
      for (let i = 0; i < 60; ++i) all.push(this.trace(app, Math.floor(now / 2) - i));
    }
    return all.sort((a, b) => b.start - a.start).slice(0, limit);
  }

  trace(app, turn) {
    const stream = app.sources[turn % app.sources.length];
    const seed = `${app.name} ${turn}`;
    const hex = (text, length) => Array.from({ length }, (_, i) => Math.floor(16 * chance(`${text}${i}`)).toString(16)).join('');
    const trace_id = hex(seed, 32);
    const spans = [];
    const start = turn * 2 + chance(app.name);
    let at = start;
    const add = (name, kind, node, seconds) => {
      const span_id = hex(`${seed}${spans.length}`, 16);
      spans.push({
        trace_id,
        span_id,
        parent_id: spans[0]?.span_id ?? '',
        name,
        kind,
        node,
        stage: `m-${app.name}`,
        stream,
        sequence: turn * 30,
        start: at,
        duration: seconds,
      });
      at += seconds;
    };
    let node = this.placeOf(cameraOf(stream));
    add(stream, 'source', node, 0.004 + 0.003 * chance(seed));
    for (const [name, , , wanted, cost] of app.modules) {
      const next = this.placeOf(wanted);
      if (next !== node) {
        const link = `link ${node} → ${next}`;
        add(link, 'serialise', node, 0.0004);
        add(link, 'send', node, 0.0024 * (0.6 + chance(`${seed}${name}s`)));
        add(link, 'receive', next, 0.0006);
        node = next;
      }
      add(`queue ${name}`, 'wait', node, (cost / 1000) * 1.4 * chance(`${seed}${name}w`));
      add(name, 'execute', node, (cost / 1000) * (0.8 + 0.5 * chance(`${seed}${name}`)));
    }
    return { trace_id, stream, sequence: turn * 30, start, duration: at - start, spans };
  }
}

import { count, ms, rate, sum, words } from '../format';
import { useStore } from '../store';
import type { Counts, ModuleStatus } from '../types';

export function Modules() {
  const applications = useStore((store) => store.status?.applications ?? []);
  return (
    <section id="modules" class="panel modules" aria-labelledby="modules-title">
      <div class="panel-head">
        <h2 id="modules-title">Modules</h2>
        <span class="muted">rates and times of the last 10 s</span>
      </div>
      {applications.length === 0 && <p class="empty">No application runs, so there are no modules.</p>}
      {applications.map((application) => (
        <div class="table-box" key={application.name}>
          <table>
            <caption class={applications.length > 1 ? '' : 'unseen'}>{application.name}</caption>
            <thead>
              <tr>
                <th scope="col">Module</th>
                <th scope="col" class="n">Rate /s</th>
                <th scope="col" class="n">Queue</th>
                <th scope="col" class="n">Wait p50 / p95 ms</th>
                <th scope="col" class="n">Run p50 / p95 ms</th>
                <th scope="col">Dropped</th>
                <th scope="col" class="n">Errors</th>
              </tr>
            </thead>
            <tbody>
              {application.modules.map((module) => (
                <Row key={module.name} module={module} streams={Math.max(1, application.streams.length)} />
              ))}
            </tbody>
          </table>
        </div>
      ))}
    </section>
  );
}

function Row({ module, streams }: { module: ModuleStatus; streams: number }) {
  const capacity = module.queue_capacity * streams;
  const full = capacity > 0 ? Math.min(module.queue_depth / capacity, 1) : 0;
  return (
    <>
      <tr>
        <th scope="row">
          {module.name}
          {module.type !== module.name && <span class="muted"> {module.type}</span>}
        </th>
        <td class="n" data-label="Rate /s">{rate(module.rate_per_second)}</td>
        <td class="n" data-label="Queue">
          {module.queue_depth}
          <span class="muted"> / {capacity}</span>
          <span class="meter small" aria-hidden="true">
            <span class={full > 0.8 ? 'warn' : ''} style={{ width: `${full * 100}%` }} />
          </span>
        </td>
        <td class="n" data-label="Wait p50 / p95 ms">
          {ms(module.wait.p50_ms)} <span class="muted">/</span> {ms(module.wait.p95_ms)}
        </td>
        <td class="n" data-label="Run p50 / p95 ms">
          {ms(module.execution.p50_ms)} <span class="muted">/</span> {ms(module.execution.p95_ms)}
        </td>
        <td data-label="Dropped">
          <Dropped counts={module.dropped} />
        </td>
        <td class={`n ${module.errors > 0 ? 'bad-text strong' : ''}`} data-label="Errors">
          {count(module.errors)}
        </td>
      </tr>
      {module.errors > 0 && module.last_error && (
        <tr class="detail">
          <td colSpan={7}>
            <span class="bad-text">Last error:</span> {module.last_error}
          </td>
        </tr>
      )}
    </>
  );
}

export function Dropped({ counts }: { counts: Counts }) {
  if (sum(counts) === 0) return <span class="muted">none</span>;
  return (
    <span class="chips">
      {Object.entries(counts)
        .filter(([, number]) => number > 0)
        .map(([reason, number]) => (
          <span class="chip" key={reason}>
            {words(reason)} <b>{count(number)}</b>
          </span>
        ))}
    </span>
  );
}

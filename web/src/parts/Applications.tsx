import { ms } from '../format';
import type { ApplicationStatus } from '../types';
import { Dot, toneOf } from './Dot';
import { Figure, Meter } from './Figure';

export function Applications({ applications }: { applications: ApplicationStatus[] }) {
  return (
    <section class="applications" aria-label="Applications">
      {applications.map((application) => (
        <Application key={application.name} application={application} />
      ))}
    </section>
  );
}

function Application({ application }: { application: ApplicationStatus }) {
  const { latency, objective_latency_p95_ms: objective, streams, modules } = application;
  const streaming = streams.filter((stream) => stream.state === 'streaming').length;
  const failed = streams.filter((stream) => stream.state === 'failed').length;
  const fps = streams.reduce((all, stream) => all + stream.fps, 0);
  const errors = modules.reduce((all, module) => all + module.errors, 0);
  const drops = modules.reduce((all, module) => all + module.drops_per_second, 0);
  const late = objective > 0 && latency.p95_ms !== null && latency.p95_ms > objective;
  return (
    <article class="card application">
      <h2>
        {application.name}
        {application.tenant && <span class="muted"> {application.tenant}</span>}
      </h2>
      <span class="state">
        <Dot tone={toneOf(application.state)} />
        {application.state}
      </span>
      <dl class="figures">
        <Figure name="Latency p95" unit="ms" value={ms(latency.p95_ms)} tone={late ? 'bad' : ''}>
          {objective > 0 ? (
            <span class={late ? 'bad-text' : 'muted'}>
              {late ? 'above' : 'within'} {ms(objective)} ms
            </span>
          ) : (
            <span class="muted">p50 {ms(latency.p50_ms)}</span>
          )}
          {objective > 0 && <Meter value={latency.p95_ms ?? 0} limit={objective} />}
        </Figure>
        <Figure name="Streams" value={`${streaming}`} unit={`of ${streams.length}`} tone={failed > 0 ? 'bad' : ''}>
          <span class={failed > 0 ? 'bad-text' : 'muted'}>{failed > 0 ? `${failed} failed` : 'none failed'}</span>
        </Figure>
        <Figure name="Frames" value={fps.toFixed(fps >= 100 ? 0 : 1)} unit="/s">
          <span class="muted">{drops > 0 ? `${drops.toFixed(1)} dropped/s` : 'none dropped'}</span>
        </Figure>
        <Figure name="Errors" value={String(errors)} unit="" tone={errors > 0 ? 'bad' : ''}>
          <span class="muted">since the start</span>
        </Figure>
      </dl>
    </article>
  );
}

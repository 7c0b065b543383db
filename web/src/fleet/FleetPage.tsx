import { Figure } from '../parts/Figure';
import { count, plural } from '../format';
import { Links } from './Links';
import { Log } from './Log';
import { Nodes } from './Nodes';
import { APPS, useAnswer, useFleet } from './store';
import { FleetStreams } from './FleetStreams';
import type { FleetApplication, FleetLink, FleetNode, FleetStream } from './types';

export function FleetPage() {
  const overview = useFleet((fleet) => fleet.overview);
  const nodes = useAnswer<{ nodes: FleetNode[] }>('/api/fleet/nodes');
  const links = useAnswer<{ links: FleetLink[] }>('/api/fleet/links');
  const streams = useAnswer<{ streams: FleetStream[] }>('/api/fleet/streams');
  const apps = useAnswer<{ applications: FleetApplication[] }>(APPS).data?.applications ?? [];
  const present = nodes.data?.nodes ?? [];
  const ready = present.filter((node) => node.state === 'ready').length;
  const lost = present.filter((node) => node.state === 'lost' || node.state === 'refused').length;
  const missed = apps.filter((app) => app.met === false || app.state === 'failed').length;
  const troubled = (streams.data?.streams ?? []).filter((stream) => stream.state === 'failed').length;
  const replicas = present.reduce((all, node) => all + node.replicas, 0);
  const controller = overview?.controller;
  return (
    <main id="main" tabIndex={-1} class="page fleet-page">
      <h1 class="unseen">Fleet</h1>
      <section class="card summary" aria-label="Fleet">
        <dl class="controller">
          <dt>Controller</dt>
          <dd>
            <span class="strong">{controller?.name ?? '–'}</span>
            <span class="muted"> {controller && (controller.leader ? 'leads' : 'stands by')}</span>
          </dd>
          <dd class="muted">{controller && `${controller.version} · ${controller.store} · lease ${controller.lease_seconds} s`}</dd>
        </dl>
        <dl class="figures">
          <Figure name="Nodes" value={count(ready)} unit={`of ${count(overview?.nodes ?? 0)} ready`} tone={lost > 0 ? 'bad' : ''}>
            <span class={lost > 0 ? 'bad-text' : 'muted'}>{lost > 0 ? `${lost} lost` : 'none lost'}</span>
          </Figure>
          <Figure name="Applications" value={count(overview?.applications ?? 0)} tone={missed > 0 ? 'bad' : ''}>
            <span class={missed > 0 ? 'bad-text' : 'muted'}>
              {missed > 0 ? `${missed} short of the objective` : 'all as they should be'}
            </span>
          </Figure>
          <Figure name="Streams" value={count(overview?.streams ?? 0)} tone={troubled > 0 ? 'bad' : ''}>
            <span class={troubled > 0 ? 'bad-text' : 'muted'}>{troubled > 0 ? `${troubled} failed` : 'none failed'}</span>
          </Figure>
          <Figure name="Replicas" value={count(overview?.replicas ?? 0)}>
            <span class="muted">{ready > 0 ? `${(replicas / ready).toFixed(1)} a node` : 'no node'}</span>
          </Figure>
        </dl>
      </section>
      <Nodes answer={nodes} controller={controller ?? null} />
      <Log application="" nodes={present.map((node) => node.name)} applications={apps.map((app) => app.name)} />
      <Links answer={links} nodes={present} />
      <FleetStreams answer={streams} />
      <p class="unseen" aria-live="polite">
        {lost > 0 && `${plural(lost, 'node')} lost`}
      </p>
    </main>
  );
}

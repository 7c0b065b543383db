import { session } from '../session';
import { go } from '../route';
import { Editor } from './Editor';
import { nameIn } from './faults';

const EXAMPLE = `application: people
tenant: TENANT
objective: {latency_p95_ms: 500}
sources:
  - {name: yard, url: "rtsp://10.0.0.5/stream1"}
modules:
  - type: detect
    model: nanodet-g-320
    classes: [person]
  - type: track
  - type: console
`;

export function NewPage() {
  const example = EXAMPLE.replace('TENANT', session.who.tenant || 'front-desk');
  return (
    <main id="main" tabIndex={-1} class="page app-page" data-tab="new">
      <h1 class="unseen">New application</h1>
      {session.can('operator') ? (
        <Editor name="" present={example} version={0} readOnly={false} nameOf={nameIn} applied={(name) => go('apps', name)} />
      ) : (
        <p class="empty">Your role may look at applications, but not add one.</p>
      )}
    </main>
  );
}

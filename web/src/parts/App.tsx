import { useEffect, useRef } from 'preact/hooks';
import { ApplicationPage } from '../fleet/ApplicationPage';
import { ApplicationsPage } from '../fleet/ApplicationsPage';
import { FleetPage } from '../fleet/FleetPage';
import { NewPage } from '../fleet/NewPage';
import { useFleet } from '../fleet/store';
import { TracesPage } from '../fleet/TracesPage';
import { useChanges } from '../observable';
import { type Route, useRoute } from '../route';
import { session } from '../session';
import { useStore } from '../store';
import { Banner, FleetBanner } from './Banner';
import { Header } from './Header';
import { LivePage } from './LivePage';
import { Login } from './Login';
import { Notices } from './Notices';

export function App() {
  useChanges(session);
  const route = useRoute();
  const page: Route = session.mode === 'fleet' ? route : { page: 'live' };
  useTitle(session.mode === 'fleet' ? page : null);
  useTop(session.mode === 'fleet' ? page.page : '');
  const open = session.mode === 'fleet' || session.mode === 'program';
  return (
    <>
      <a
        class="skip"
        href="#main"
        onClick={(event) => {
          event.preventDefault();
          document.getElementById('main')?.focus();
        }}
      >
        Skip to the {page.page === 'live' ? 'cameras' : 'content'}
      </a>
      <Header route={page} />
      {session.mode === 'starting' && <Starting message={session.message} />}
      {session.mode === 'login' && <Login />}
      {open && (page.page === 'live' ? <Banner /> : <FleetBanner />)}
      {open && <Page route={page} />}
      {open && <Footer />}
      <Notices />
    </>
  );
}

function Page({ route }: { route: Route }) {
  switch (route.page) {
    case 'live':
      return <LivePage />;
    case 'fleet':
      return <FleetPage />;
    case 'apps':
      return <ApplicationsPage />;
    case 'new':
      return <NewPage />;
    case 'app':
      return <ApplicationPage key={route.name} name={route.name} yaml={route.yaml} />;
    case 'traces':
      return <TracesPage name={route.name} trace={route.trace} />;
  }
}

function Starting({ message }: { message: string }) {
  return (
    <main id="main" tabIndex={-1} class="page">
      <p class="empty" role="status">
        {message ? `Not shown yet: ${message}. Trying again…` : ''}
      </p>
    </main>
  );
}

function Footer() {
  const program = useStore((store) => store.status?.version);
  const version = useFleet((fleet) => fleet.overview?.controller.version) ?? program;
  return (
    <footer>
      {version && (
        <p>
          Vedette {version} · <a href="/metrics">metrics</a> · <a href="/health/ready">health</a> ·{' '}
          <a href="/api/openapi.json">interface</a>
        </p>
      )}
    </footer>
  );
}

const TITLES: Record<Route['page'], string> = {
  live: 'Live',
  fleet: 'Fleet',
  apps: 'Applications',
  new: 'New application',
  app: '',
  traces: 'Traces',
};

function useTitle(route: Route | null): void {
  const title = !route ? '' : route.page === 'app' ? route.name : TITLES[route.page];
  useEffect(() => {
    document.title = title ? `${title} · Vedette` : 'Vedette';
  }, [title]);
}

/** Another page begins at its top, for the eye and for the keyboard. */
function useTop(page: string): void {
  const before = useRef('');
  useEffect(() => {
    if (before.current !== '' && page !== '' && before.current !== page) {
      window.scrollTo({ top: 0, behavior: 'instant' });
      document.getElementById('main')?.focus({ preventScroll: true });
    }
    before.current = page;
  }, [page]);
}

// Where in the page one is: "#/apps/people/yaml". Any other hash is a place on the page Live.

import { useEffect, useState } from 'preact/hooks';

export type Route =
  | { page: 'fleet' }
  | { page: 'apps' }
  | { page: 'new' }
  | { page: 'app'; name: string; yaml: boolean }
  | { page: 'traces'; name: string; trace: string }
  | { page: 'live' };

function parts(hash: string): string[] {
  try {
    return hash.slice(2).split('/').map(decodeURIComponent);
  } catch {
    return [];
  }
}

export function routeOf(hash: string): Route {
  if (hash === '' || hash === '#') return { page: 'fleet' };
  if (!hash.startsWith('#/')) return { page: 'live' };
  const [page = '', name = '', rest = ''] = parts(hash);
  switch (page) {
    case 'live':
      return { page: 'live' };
    case 'new':
      return { page: 'new' };
    case 'apps':
      return name === '' ? { page: 'apps' } : { page: 'app', name, yaml: rest === 'yaml' };
    case 'traces':
      return { page: 'traces', name, trace: rest };
    default:
      return { page: 'fleet' };
  }
}

export function hashOf(...names: string[]): string {
  return `#/${names.map(encodeURIComponent).join('/')}`;
}

export function go(...names: string[]): void {
  window.location.hash = hashOf(...names);
}

export function useRoute(): Route {
  const [hash, setHash] = useState(window.location.hash);
  useEffect(() => {
    const changed = () => setHash(window.location.hash);
    window.addEventListener('hashchange', changed);
    return () => window.removeEventListener('hashchange', changed);
  }, []);
  return routeOf(hash);
}

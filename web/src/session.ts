// Who one is, and what this console is: one program's, or a fleet's.

import { api, ApiError, asApiError, onRefused } from './api';
import { fleet } from './fleet/store';
import type { Overview } from './fleet/types';
import { Observable } from './observable';
import { store } from './store';

export type Role = 'none' | 'viewer' | 'operator' | 'admin' | 'node';

export interface WhoAmI {
  name: string;
  role: Role;
  tenant: string;
  token_needed: boolean;
}

export type Mode = 'starting' | 'login' | 'program' | 'fleet';

const RETRY_MS = 2000;
const RANKS: Record<Role, number> = { none: 0, node: 0, viewer: 1, operator: 2, admin: 3 };
/** What a console without tokens says of everybody. */
const LOCAL: WhoAmI = { name: 'local', role: 'admin', tenant: '', token_needed: false };

class Session extends Observable {
  mode: Mode = 'starting';
  who: WhoAmI = LOCAL;
  /** Why one is asked to sign in (again), or why nothing is shown yet. */
  message = '';
  /** Whether there are live pictures here: a controller by itself has none. */
  hasLive = true;

  private retry = 0;

  start(): void {
    onRefused(() => this.refused());
    store.onLost = () => void this.look();
    void this.find();
  }

  can(role: 'viewer' | 'operator' | 'admin'): boolean {
    return RANKS[this.who.role] >= RANKS[role];
  }

  /** Throws ApiError when the token is not taken. */
  async signIn(token: string): Promise<void> {
    await api('POST', '/api/login', JSON.stringify({ token }));
    this.message = '';
    await this.find();
  }

  async signOut(): Promise<void> {
    await api('POST', '/api/logout');
    this.leave('');
  }

  private async find(): Promise<void> {
    window.clearTimeout(this.retry);
    try {
      this.who = await orNone(api<WhoAmI>('GET', '/api/whoami'), LOCAL);
      if (this.who.token_needed && !this.can('viewer')) return this.leave(this.message);
      const overview = await orNone<Overview | null>(api<Overview>('GET', '/api/fleet'), null);
      if (overview) {
        this.hasLive = (await orNone<object | null>(api<object>('GET', '/api/status'), null)) !== null;
        fleet.start(overview);
        this.mode = 'fleet';
      } else {
        store.start();
        this.mode = 'program';
      }
      this.message = '';
    } catch (error) {
      const { status, message } = asApiError(error);
      if (status === 401) return;
      this.message = message;
      this.retry = window.setTimeout(() => void this.find(), RETRY_MS);
    }
    this.changedNow();
  }

  private refused(): void {
    if (this.mode === 'login') return;
    this.leave(this.mode === 'starting' ? '' : 'Your token is no longer taken: it has expired or was revoked.');
  }

  private leave(message: string): void {
    store.stop();
    fleet.stop();
    this.mode = 'login';
    this.message = message;
    this.changedNow();
  }

  /** A broken stream of events does not say that it was refused; this does. */
  private async look(): Promise<void> {
    if (!this.who.token_needed || this.mode === 'login') return;
    const who = await orNone(api<WhoAmI>('GET', '/api/whoami'), LOCAL).catch(() => null);
    if (who?.token_needed && who.role === 'none') this.refused();
  }
}

/** `none` when the console has no such thing. */
async function orNone<T>(answer: Promise<T>, none: T): Promise<T> {
  try {
    return await answer;
  } catch (error) {
    if (error instanceof ApiError && error.status === 404) return none;
    throw error;
  }
}

export const session = new Session();

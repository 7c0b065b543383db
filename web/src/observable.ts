import { useEffect, useState } from 'preact/hooks';

const TOGETHER_MS = 50;

/** Something that tells its listeners when it changed: together, however many changes came at once. */
export class Observable {
  private announced = false;
  private readonly listeners = new Set<() => void>();

  subscribe(listener: () => void): () => void {
    this.listeners.add(listener);
    return () => this.listeners.delete(listener);
  }

  protected changed(): void {
    if (this.announced) return;
    this.announced = true;
    setTimeout(() => {
      this.announced = false;
      for (const listener of this.listeners) listener();
    }, TOGETHER_MS);
  }

  /** For what a person did and waits for. */
  protected changedNow(): void {
    for (const listener of this.listeners) listener();
  }
}

/** Renders again whenever `from` changed. */
export function useChanges(from: Observable): void {
  const [, setTurn] = useState(0);
  useEffect(() => from.subscribe(() => setTurn((turn) => turn + 1)), [from]);
}

/** What a run over the memory world is given besides its blueprint, and the journal it writes. */
import type { Journal, JournalEntry } from '../../src/engine/types.ts';
import type { Context } from '../../src/context.ts';
import { guardData } from '../../src/steps/data-guard.ts';
import type { MemoryWorld } from './memory-world.ts';

/** Every port of the world, behind the guard; time stands still, and random bytes are counted. */
export function memoryContext(world: MemoryWorld, { blueprint, facts, ...over }: Pick<Context, 'blueprint' | 'facts'> & Partial<Context>): Context {
  let byte = 0;
  return guardData({
    blueprint,
    facts,
    buckets: world.bucketsPort(),
    roles: world.rolesPort(),
    oidcProviders: world.oidcProvidersPort(blueprint.oidcProvider?.arn ?? ''),
    associations: world.associationsPort(),
    webIdentity: world.webIdentityPort(),
    kubernetes: world.kubernetesPort(),
    releases: world.releasesPort(),
    logs: { query: async () => [], get: async () => ({ status: 404, body: '', headers: {} }) },
    clock: { now: () => new Date(0), sleep: async () => {} },
    random: { bytes: (length) => Uint8Array.from({ length }, () => byte++ % 256) },
    timeoutMs: 1000,
    ...over,
  });
}

/** Receipts pass through JSON, as they do on disk. */
export function memoryJournal(): Journal & { readonly text: string[] } {
  const text: string[] = [];
  return {
    text,
    append: async (entry) => void text.push(JSON.stringify(entry)),
    newestFirst: async () => text.map((line) => JSON.parse(line) as JournalEntry).toReversed(),
    close: async () => {},
  };
}

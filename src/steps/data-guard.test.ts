import { expect, it } from 'vitest';
import { guardData } from './data-guard.ts';

const config = (hours: number) =>
  `kind: ConfigMap\nmetadata:\n  name: loki\ndata:\n  config.yaml: |\n    compactor:\n      retention_enabled: true\n    limits_config:\n      retention_period: ${hours}h\n`;

function rollback({ from, to, oldestDays }: { readonly from: number; readonly to: number; readonly oldestDays: number | undefined }) {
  const asked: string[] = [];
  const now = new Date('2026-11-28T00:00:00Z');
  const oldest = oldestDays === undefined ? undefined : new Date(now.getTime() - oldestDays * 86_400_000);
  const { releases } = guardData({
    buckets: { contents: async () => ({ objects: oldest ? 1 : 0, bytes: 1, exact: true, ...(oldest && { oldest }) }) },
    kubernetes: { list: async () => [] },
    releases: {
      find: async () => ({ manifest: config(from * 24) }),
      manifest: async () => config(to * 24),
      rollback: async () => void asked.push('rollback'),
    },
    clock: { now: () => now },
    timeoutMs: 1000,
    blueprint: { buckets: { chunks: { name: 'chunks' } } },
  } as unknown as Parameters<typeof guardData>[0]);
  const task = { name: 'loki', namespace: 'loki', revision: 1, timeoutMs: 1000, signal: new AbortController().signal, say: () => {} };
  return { done: releases.rollback(task), asked };
}

it.each([
  [{ from: 90, to: 28, oldestDays: 40 }, 'RETENTION_WOULD_SHORTEN'],
  [{ from: 90, to: 28, oldestDays: 10 }, undefined],
  [{ from: 90, to: 28, oldestDays: undefined }, undefined],
  [{ from: 28, to: 90, oldestDays: 40 }, undefined],
  [{ from: 28, to: 28, oldestDays: 400 }, undefined],
])('a rollback to a shorter retention, where logs would go: %j', async (of, code) => {
  const { done, asked } = rollback(of);
  if (code === undefined) await done;
  else await expect(done).rejects.toMatchObject({ problem: { code } });
  expect(asked).toEqual(code === undefined ? ['rollback'] : []);
});

import { describe, expect, test } from 'vitest';
import { applyOver } from './apply.ts';
import type { Doc } from './document.ts';
import { trackUpdate } from './managed-fields.ts';
import type { Writer } from './managed-fields.ts';
import { Refusal } from './status.ts';

const writer = (manager: string, subresource = ''): Writer => ({
  manager,
  subresource,
  apiVersion: 'apps/v1',
  now: '2026-01-07T10:00:00Z',
  custom: false,
  hasStatus: true,
});

const deployment = (spec: Doc, labels: Doc = {}): Doc => ({
  apiVersion: 'apps/v1',
  kind: 'Deployment',
  metadata: { name: 'd', ...(Object.keys(labels).length > 0 && { labels }) },
  spec,
});
const pod = (...containers: Doc[]): Doc => ({ template: { spec: { containers } } });

/** Applies one config after another and returns the last object, with its managers. */
function applied(live: Doc | undefined, config: Doc, manager = 'helm', force = false): Doc {
  const { object, managers } = applyOver(live, config, { writer: writer(manager), force });
  return { ...object, metadata: { ...object.metadata, managedFields: managers } };
}

function updated(live: Doc, change: (copy: Doc) => void, by: Writer): Doc {
  const after = structuredClone(live);
  change(after);
  return { ...after, metadata: { ...after.metadata, managedFields: trackUpdate(by)(live, after) } };
}

function refusal(deed: () => unknown): string {
  try {
    deed();
  } catch (error) {
    if (error instanceof Refusal) return error.message;
    throw error;
  }
  throw new Error('nothing was refused');
}

describe('what a manager no longer applies', () => {
  test('goes: fields, list items and whole subtrees with their defaults', () => {
    const first = deployment(
      pod(
        {
          name: 'a',
          image: 'i',
          env: [
            { name: 'X', value: '1' },
            { name: 'Y', value: '2' },
          ],
          livenessProbe: { httpGet: { port: 80 } },
        },
        { name: 'b', image: 'j' },
      ),
      { keep: '1', drop: '2' },
    );
    const live = applied(undefined, first);
    live.spec.template.spec.containers[0].livenessProbe.timeoutSeconds = 1;
    const next = applied(live, deployment(pod({ name: 'a', image: 'i', env: [{ name: 'Y', value: '2' }] }), { keep: '1' }));
    expect(next.spec).toEqual(pod({ name: 'a', image: 'i', env: [{ name: 'Y', value: '2' }] }));
    expect(next.metadata.labels).toEqual({ keep: '1' });
  });

  test('stays where another manager applies it too', () => {
    const live = applied(applied(undefined, deployment({ replicas: 2, paused: true })), deployment({ paused: true }), 'other');
    const next = applied(live, deployment({ replicas: 2 }));
    expect(next.spec).toEqual({ replicas: 2, paused: true });
    expect(applied(next, deployment({}), 'other').spec).toEqual({ replicas: 2 });
  });

  test('fields that nobody applied are left alone', () => {
    const live = applied(undefined, deployment({ replicas: 2 }));
    live.spec.revisionHistoryLimit = 10;
    expect(applied(live, deployment({ replicas: 3 })).spec).toEqual({ replicas: 3, revisionHistoryLimit: 10 });
  });
});

describe('conflicts', () => {
  const scaled = (): Doc =>
    updated(applied(undefined, deployment({ replicas: 1, paused: false })), (after) => (after.spec.replicas = 5), writer('kubectl', 'scale'));

  test('one is named with its owner, subresource and field', () => {
    expect(refusal(() => applied(scaled(), deployment({ replicas: 1, paused: false })))).toBe(
      'Apply failed with 1 conflict: conflict with "kubectl" with subresource "scale" using apps/v1: .spec.replicas',
    );
  });

  test('several are listed under their owners', () => {
    const live = updated(
      applied(undefined, deployment(pod({ name: 'a', image: 'i:1' }))),
      (after) => {
        after.spec.template.spec.containers[0].image = 'i:2';
        after.spec.replicas = 4;
      },
      writer('editor'),
    );
    expect(refusal(() => applied(live, deployment({ replicas: 1, ...pod({ name: 'a', image: 'i:3' }) })))).toBe(
      'Apply failed with 2 conflicts: conflicts with "editor" using apps/v1:\n- .spec.replicas\n- .spec.template.spec.containers[name="a"].image',
    );
  });

  test('the same value is shared, not contested', () => {
    const next = applied(scaled(), deployment({ replicas: 5 }));
    expect(next.metadata.managedFields.map((entry: Doc) => entry.manager).sort()).toEqual(['helm', 'kubectl']);
  });

  test('force takes the field over', () => {
    const next = applied(scaled(), deployment({ replicas: 1 }), 'helm', true);
    expect(next.spec.replicas).toBe(1);
    expect(next.metadata.managedFields.map((entry: Doc) => entry.manager)).toEqual(['helm']);
  });

  test('an object nobody tracked belongs to whoever came before', () => {
    const live = deployment({ replicas: 1 });
    expect(refusal(() => applied(live, deployment({ replicas: 2 })))).toContain('conflict with "before-first-apply" using apps/v1: .spec.replicas');
  });
});

test('a selector is written whole: what it no longer asks goes', () => {
  const spread = (matchLabels: Doc): Doc => ({
    template: { spec: { topologySpreadConstraints: [{ topologyKey: 'zone', whenUnsatisfiable: 'ScheduleAnyway', labelSelector: { matchLabels } }] } },
  });
  const next = applied(applied(undefined, deployment(spread({ a: '1', b: '2' }))), deployment(spread({ a: '1' })));
  expect(next.spec).toEqual(spread({ a: '1' }));
});

test('applying the same again changes nothing, not even the time of its entry', () => {
  const config = deployment({ replicas: 1, ...pod({ name: 'a', image: 'i', ports: [{ containerPort: 80 }] }) });
  const live = applied(undefined, config);
  live.spec.template.spec.containers[0].ports[0].protocol = 'TCP';
  const { object, managers } = applyOver(live, config, { writer: { ...writer('helm'), now: '2027-01-01T00:00:00Z' }, force: false });
  expect(object).toEqual(live);
  expect(managers).toEqual(live.metadata.managedFields);
});

test('managedFields read like those of a real server', () => {
  const live = applied(undefined, deployment({ selector: { matchLabels: { a: 'b' } }, ...pod({ name: 'a', env: [{ name: 'X', value: '1' }], args: ['x'] }) }));
  expect(live.metadata.managedFields).toEqual([
    {
      manager: 'helm',
      operation: 'Apply',
      apiVersion: 'apps/v1',
      time: '2026-01-07T10:00:00Z',
      fieldsType: 'FieldsV1',
      fieldsV1: {
        'f:spec': {
          'f:selector': {},
          'f:template': {
            'f:spec': {
              'f:containers': {
                'k:{"name":"a"}': { '.': {}, 'f:args': {}, 'f:env': { 'k:{"name":"X"}': { '.': {}, 'f:name': {}, 'f:value': {} } }, 'f:name': {} },
              },
            },
          },
        },
      },
    },
  ]);
});

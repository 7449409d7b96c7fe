import { describe, expect, it } from 'vitest';
import { unknownKeys } from './keys.ts';

const alloy = { name: 'alloy', version: '1.11.1' } as const;
const loki = { name: 'loki', version: '18.11.0' } as const;

describe('unknownKeys', () => {
  it.each<[object, string, string | undefined]>([
    [{ alloy: { controller: { type: 'daemonset' } } }, 'alloy.controller', 'controller'],
    [{ alloy: { extraVolumeMounts: [] } }, 'alloy.extraVolumeMounts', 'alloy.mounts.extra'],
    [{ alloy: { mount: { varlog: true } } }, 'alloy.mount', 'alloy.mounts'],
    [{ alloy: { mounts: { varLog: true } } }, 'alloy.mounts.varLog', 'alloy.mounts.varlog'],
    [{ contoller: {} }, 'contoller', 'controller'],
    [{ tolerations: [] }, 'tolerations', 'controller.tolerations'],
    [{ zzzzzz: 1 }, 'zzzzzz', undefined],
  ])('alloy %j', (values, path, nearest) => expect(unknownKeys(values as never, alloy)).toEqual([{ path, nearest }]));

  it.each<[object, string, string | undefined]>([
    [{ loki: { ruler: { enable_api: true } } }, 'loki.ruler', 'loki.rulerConfig'],
    [{ gateway: { service: { loadBalancerSourceRanges: [] } } }, 'gateway.service.loadBalancerSourceRanges', undefined],
    [{ ingester: { replica: 3 } }, 'ingester.replica', 'ingester.replicas'],
    [{ chunkCache: { allocatedMemory: 1 } }, 'chunkCache', 'chunksCache'],
  ])('loki %j', (values, path, nearest) => expect(unknownKeys(values as never, loki)).toEqual([{ path, nearest }]));

  it('free-form places take anything', () => {
    expect(
      unknownKeys(
        {
          loki: { limits_config: { anything: 1 }, structuredConfig: { a: { b: 1 } }, storage: { bucketNames: { chunks: 'x' } } },
          extraObjects: [{ kind: 'X' }],
          ingester: { nodeSelector: { a: 'b' }, affinity: null },
        },
        loki,
      ),
    ).toEqual([]);
    expect(unknownKeys({ controller: { affinity: { nodeAffinity: {} } }, alloy: { securityContext: { runAsUser: 0 } } }, alloy)).toEqual([]);
  });

  it('null takes a known key away, and a map where a scalar belongs is said', () => {
    expect(unknownKeys({ gateway: { affinity: null, replicas: null } }, loki)).toEqual([]);
    expect(unknownKeys({ gateway: { replicas: { min: 1 } } }, loki)).toEqual([{ path: 'gateway.replicas.min', nearest: 'gateway.replicas' }]);
  });

  it('another version is not judged', () => expect(unknownKeys({ zzz: 1 }, { name: 'loki', version: '6.49.0' })).toEqual([]));
});

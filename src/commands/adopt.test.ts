import { expect, it } from 'vitest';
import { going } from './adopt.ts';

const values = { distributor: { replicas: 2 }, querier: { replicas: 3 }, queryFrontend: { replicas: 2 } };
const told = (runs: Parameters<typeof going>[0]['runs'], more: object = {}) =>
  going({ blueprint: { loki: { values: { ...values, ...more } } }, ...(runs && { runs }) });

it('says which parts get fewer pods, and which end', () => {
  const pods = { distributor: 3, querier: 2, 'query-frontend': 4, 'pattern-ingester': 1, 'bloom-planner': 0, 'memcached-chunks-cache': 1 };
  expect(told({ pods, loadBalancer: false })).toEqual([
    'Fewer pods than now: distributor 3 to 2, query-frontend 4 to 2. Set the size with --size.',
    'No longer set: pattern-ingester. To keep it, pass --loki-values FILE.',
  ]);
  expect(told({ pods: { querier: 3 }, loadBalancer: false })).toEqual([]);
  expect(told(undefined)).toEqual([]);
});

it("says that a load balancer's name is lost, and what to say for another", () => {
  const runs = { pods: {}, loadBalancer: true };
  expect(told(runs)).toEqual([expect.stringMatching(/load balancer and its DNS name; Loki is then unreachable .*--expose internal/)]);
  expect(told(runs, { extraObjects: [{}] })).toEqual(["Removed: the gateway's load balancer and its DNS name."]);
});

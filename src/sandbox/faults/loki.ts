/** Faults of Loki itself: its configuration, its pods, its limits. */
import type { KubeObject } from '../../ports/kubernetes.ts';
import { quantity } from '../cluster/quantity.ts';
import type { Pod } from '../cluster/shapes.ts';
import type { Doc } from '../kube/document.ts';
import { type FaultApi, type ClusterFault, changeLoki, changePipeline, part, set, templateOf } from './fault-api.ts';

/** Bytes that a replay of the write-ahead log may use. */
const REPLAY = 4 * 2 ** 30;

function memoryLimit(pod: KubeObject, container: string): number {
  const spec = (pod as Pod).spec.containers.find(({ name }) => name === container);
  const limit = spec?.resources?.limits?.['memory'];
  return limit === undefined ? Number.POSITIVE_INFINITY : quantity(String(limit));
}

const isLokiContainer = (pod: KubeObject, name: string): boolean =>
  /loki:/.test((pod as Pod).spec.containers.find((container) => container.name === name)?.image ?? '');

/** The last period of the schema. */
const lastPeriod = (config: Doc): Doc => (config['schema_config'].configs as Doc[]).at(-1) ?? {};

function scaleIngesters(api: FaultApi, replicas: number): void {
  api.change(part('StatefulSet', 'ingester'), ({ spec }) => void (spec.replicas = replicas));
}

/** What a distributor counts and logs about rejected lines. */
function discards(api: FaultApi, of: { readonly reason: string; readonly lines: number; readonly says: string }): void {
  const tenant = 'training-on-eks';
  api.inject({
    metrics: [{ component: 'distributor', values: { [`loki_discarded_samples_total{reason="${of.reason}",tenant="${tenant}"}`]: of.lines } }],
    logs: [
      {
        component: 'distributor',
        lines: [
          `level=error ts={time} caller=manager.go:50 component=distributor path=write insight=true msg="write operation failed" details="${of.says}" org_id=${tenant}`,
        ],
        every: '15s',
      },
    ],
  });
}

export const lokiBreaks: readonly ClusterFault[] = [
  {
    name: 'cascade',
    hop: 's3',
    does: 'S3 takes no chunks; the ingesters fill up and leave the ring, and pushes end in "empty ring".',
    make: (api) => {
      api.inject({
        aws: [{ call: 's3:PutObject', status: 503, code: 'ServiceUnavailable', message: 'Service is unable to handle request.' }],
        status: [
          {
            kind: 'Pod',
            selector: 'app.kubernetes.io/name=loki,app.kubernetes.io/component=ingester',
            patch: {
              conditions: [
                { type: 'PodScheduled', status: 'True' },
                { type: 'Ready', status: 'False', reason: 'ContainersNotReady' },
              ],
            },
          },
        ],
        logs: [
          {
            component: 'ingester',
            lines: [
              'level=error ts={time} caller=flush.go:261 component=ingester loop=1 msg="failed to flush" retries=9 err="failed to flush chunks: store put chunk: operation error S3: PutObject, https response error StatusCode: 503, api error ServiceUnavailable: Service is unable to handle request., num_chunks: 41"',
            ],
            every: '15s',
          },
        ],
      });
    },
  },
  {
    name: 'schema',
    hop: 'loki-config',
    does: 'The schema is v11 with boltdb-shipper, and structured metadata is on: Loki 3 ends at its start.',
    make: (api) =>
      changeLoki(api, (config) => {
        Object.assign(lastPeriod(config), { schema: 'v11', store: 'boltdb-shipper' });
        set(config, 'limits_config.allow_structured_metadata', true);
      }),
  },
  {
    name: 'ring-unhealthy',
    hop: 'loki-runtime',
    does: 'One ingester is left where two must answer.',
    make: (api) => scaleIngesters(api, 1),
  },
  {
    name: 'ring-empty',
    hop: 'loki-runtime',
    does: 'There are no ingesters.',
    make: (api) => scaleIngesters(api, 0),
  },
  {
    name: 'wal-oom',
    hop: 'loki-runtime',
    does: 'Ingesters have less memory than the replay of their log takes, and are killed at every start.',
    make: (api) => {
      api.change(part('StatefulSet', 'ingester'), (workload) => {
        for (const container of templateOf(workload)['containers'] as Doc[])
          container['resources'] = { ...container['resources'], limits: { ...container['resources']?.limits, memory: '1Gi' } };
      });
      changeLoki(api, (config) => set(config, 'ingester.wal.replay_memory_ceiling', undefined));
      api.behave({ component: 'ingester' }, (pod, container) =>
        isLokiContainer(pod, container) && memoryLimit(pod, container) < REPLAY
          ? {
              ready: false,
              lines: [`level=info ts=${api.now()} caller=ingester.go:418 component=ingester msg="recovering from checkpoint"`],
              crash: { exitCode: 137 },
            }
          : undefined,
      );
    },
  },
  {
    name: 'disk-full',
    hop: 'loki-runtime',
    does: 'The disk of the first ingester is full.',
    make: (api) =>
      api.behave({ component: 'ingester', pod: '*-0' }, (pod, container) =>
        isLokiContainer(pod, container)
          ? {
              ready: false,
              lines: [
                `level=error ts=${api.now()} caller=log.go:216 msg="error running loki" err="open /var/loki/wal/00004711: no space left on device\\nerror initialising module: ingester"`,
              ],
              crash: { exitCode: 1 },
            }
          : undefined,
      ),
  },
  {
    name: 'memcached',
    hop: 'loki-runtime',
    does: 'The caches answer too late.',
    make: (api) =>
      api.inject({
        logs: [
          {
            component: 'loki',
            lines: [
              'level=warn ts={time} caller=background.go:202 msg="backgroundCache writeBackLoop Cache.Store fail" err="memcache: connect timeout to 10.0.129.18:11211"',
            ],
            every: '10s',
          },
        ],
      }),
  },
  {
    name: 'rate-limit',
    hop: 'limits',
    does: 'More is written than the rate of the tenant allows.',
    make: (api) =>
      discards(api, {
        reason: 'rate_limited',
        lines: 48_211,
        says: "ingestion rate limit exceeded for user training-on-eks (limit: 4194304 bytes/sec) while attempting to ingest '2154' lines totaling '1048576' bytes, reduce log volume or contact your Loki administrator to see if the limit can be increased",
      }),
  },
  {
    name: 'stream-limit',
    hop: 'limits',
    does: 'A label with a value for each request makes more streams than a tenant may have.',
    make: (api) =>
      discards(api, {
        reason: 'stream_limit',
        lines: 9_340,
        says: 'maximum active stream limit exceeded when trying to create stream {app=\\"shop-front\\", request_id=\\"7c1f0a52-55de-4c1c-9d3e-0d8c2a1f77b0\\"}, reduce the number of active streams (reduce labels or reduce label values)',
      }),
  },
  {
    name: 'label-limit',
    hop: 'limits',
    does: 'All labels of a pod become labels of its lines, more than Loki takes.',
    make: (api) => {
      changeLoki(api, (config) => set(config, 'limits_config.max_label_names_per_series', 10));
      changePipeline(api, (text) =>
        text.replace(/(discovery\.relabel "[^"]*" \{\n)/, '$1  rule {\n    action = "labelmap"\n    regex  = "__meta_kubernetes_pod_label_(.+)"\n  }\n'),
      );
    },
  },
  {
    name: 'old-or-future-samples',
    hop: 'limits',
    does: 'Lines come hours behind newer ones of the same stream.',
    make: (api) =>
      discards(api, {
        reason: 'too_far_behind',
        lines: 3_127,
        says: 'entry too far behind, entry timestamp is: 2026-07-31T05:48:01Z, oldest acceptable timestamp is: 2026-07-31T06:52:31Z',
      }),
  },
  {
    name: 'grpc-size',
    hop: 'limits',
    does: 'Batches are larger than a message between two parts of Loki may be.',
    make: (api) =>
      api.inject({
        logs: [
          {
            component: 'distributor',
            lines: [
              String.raw`level=warn ts={time} caller=logging.go:144 orgID=training-on-eks msg="POST /loki/api/v1/push (500) 41.2ms Response: \"rpc error: code = ResourceExhausted desc = grpc: received message larger than max (5229930 vs. 4194304)\\n\""`,
            ],
            every: '15s',
          },
        ],
      }),
  },
  {
    name: 'query-limits',
    hop: 'query',
    does: 'Queries may span one day, while logs are kept for weeks.',
    make: (api) => {
      changeLoki(api, (config) => set(config, 'limits_config.max_query_length', '24h'));
      api.inject({
        logs: [
          {
            component: 'query-frontend',
            lines: [
              'level=error ts={time} caller=retry.go:103 org_id=training-on-eks msg="error processing request" try=0 err="rpc error: code = Code(400) desc = the query time range exceeds the limit (query length: 720h29m35s, limit: 1d)"',
            ],
            every: '15s',
          },
        ],
      });
    },
  },
  {
    name: 'store-read-gap',
    hop: 'query',
    does: 'Ingesters are asked for the last half hour only, while chunks stay with them for two.',
    make: (api) =>
      changeLoki(api, (config) => {
        set(config, 'querier.query_ingesters_within', '30m');
        set(config, 'ingester.max_chunk_age', '2h');
      }),
  },
];

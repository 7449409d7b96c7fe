/** Faults between Loki and AWS: identity, buckets, the role's policy. */
import type { Doc } from '../kube/document.ts';
import type { PolicyDocument } from '../aws/policy.ts';
import { changeLoki, LOKI, set, type FaultApi, type ClusterFault } from './fault-api.ts';

const ROLE = 'eks.amazonaws.com/role-arn';

/** Removes the role annotation from the service accounts of Loki's pods; the node's role stays available. */
function unname(api: FaultApi): void {
  api.change(
    { kind: 'ServiceAccount' },
    ({ metadata }) => {
      if (!/loki/.test(metadata.annotations?.[ROLE] ?? metadata.name) || metadata.annotations?.[ROLE] === undefined) return false;
      delete metadata.annotations[ROLE];
    },
    LOKI,
  );
}

/** Roles that trust a service account with "loki" in its name. */
function trust(api: FaultApi, edit: (text: string) => string): void {
  api.aws(({ state }, done) => {
    const found = [...state.iam.roles.values()].filter(({ id, trust }) => !done.has(id) && /system:serviceaccount:[^"]*loki/i.test(trust.text));
    const befores = found.map((role) => {
      done.add(role.id);
      const before = role.trust;
      const text = edit(before.text);
      role.trust = { text, document: JSON.parse(text) as PolicyDocument };
      return () => void (role.trust = before);
    });
    return befores.length === 0 ? undefined : () => befores.forEach((undo) => undo());
  });
  api.rollOut(LOKI);
}

/** Inline role policies that mention s3:PutObject. */
function policies(api: FaultApi, edit: (document: Doc) => void): void {
  api.aws(({ state }, done) => {
    const undos: (() => void)[] = [];
    for (const role of state.iam.roles.values())
      for (const [name, before] of role.inline) {
        const key = `${role.id}/${name}`;
        if (done.has(key) || !/s3:PutObject/.test(before.text)) continue;
        done.add(key);
        const document = JSON.parse(before.text) as Doc;
        edit(document);
        const text = JSON.stringify(document);
        role.inline.set(name, { text, document: document as PolicyDocument });
        undos.push(() => void role.inline.set(name, before));
      }
    return undos.length === 0 ? undefined : () => undos.forEach((undo) => undo());
  });
}

const list = (value: unknown): readonly string[] => [value].flat() as readonly string[];

export const awsBreaks: readonly ClusterFault[] = [
  {
    name: 'irsa-trust',
    hop: 'aws-identity',
    does: "The role's trust policy names the service account of another namespace.",
    make: (api) => trust(api, (text) => text.replace(/system:serviceaccount:[^:"]+:/g, 'system:serviceaccount:logging:')),
  },
  {
    name: 'oidc-provider',
    hop: 'aws-identity',
    does: "IAM has no OIDC provider for the cluster's issuer.",
    make: (api) => {
      api.aws(({ state, issuer }, done) => {
        const found = [...state.iam.providers].find(([arn, { url }]) => !done.has(arn) && issuer.endsWith(url));
        if (found === undefined) return undefined;
        done.add(found[0]);
        state.iam.providers.delete(found[0]);
        return () => void state.iam.providers.set(...found);
      });
      api.rollOut(LOKI);
    },
  },
  {
    name: 'irsa-annotation',
    hop: 'aws-identity',
    does: "Loki's service account has lost the annotation with its role.",
    make: unname,
  },
  {
    name: 'node-role-imds',
    hop: 'aws-identity',
    does: "Loki's pods use the role of their node, which has no rights on the bucket.",
    make: (api) => {
      unname(api);
      const { partition, id } = api.place.account;
      const line = `level=error ts={time} caller=flush.go:261 component=ingester msg="failed to flush" err="failed to flush chunks: store put chunk: operation error S3: PutObject, https response error StatusCode: 403, api error AccessDenied: User: arn:${partition}:sts::${id}:assumed-role/eks-general-node-role/i-0a1b2c3d4e5f60718 is not authorized to perform: s3:PutObject because no identity-based policy allows the s3:PutObject action, num_chunks: 1"`;
      api.inject({ logs: [{ component: 'ingester', lines: [line], every: '20s' }] });
    },
  },
  {
    name: 's3-endpoint-irsa',
    hop: 'aws-identity',
    does: "Loki's configuration names an endpoint of S3, with which it skips the role.",
    make: (api) => changeLoki(api, (config) => set(config, 'common.storage.s3.endpoint', `s3.${api.place.account.region}.amazonaws.com`)),
  },
  {
    name: 'sts-unreachable',
    hop: 'aws-identity',
    does: "Loki's pods do not reach STS: no NAT, and no VPC endpoint.",
    make: (api) => {
      api.inject({ network: [{ component: 'loki', to: 'sts.*', error: 'dial tcp 52.95.40.12:443: i/o timeout' }] });
      api.rollOut(LOKI);
    },
  },
  {
    name: 's3-region',
    hop: 's3',
    does: 'Loki looks for its buckets in another region.',
    make: (api) => changeLoki(api, (config) => everyRegion(config, api.place.account.region === 'eu-west-1' ? 'eu-central-1' : 'eu-west-1')),
  },
  {
    name: 's3-policy',
    hop: 's3',
    does: "The role's policy grants s3:ListBucket on the objects only, not on the bucket.",
    make: (api) => {
      policies(api, (document) => {
        for (const statement of document['Statement'] as Doc[])
          if (list(statement['Action']).includes('s3:ListBucket'))
            statement['Resource'] = list(statement['Resource']).map((arn) => (arn.endsWith('/*') ? arn : `${arn}/*`));
      });
      api.rollOut(LOKI);
    },
  },
  {
    name: 's3-egress',
    hop: 's3',
    does: 'The ingesters lose their way to S3 in the TLS handshake.',
    make: (api) => api.inject({ network: [{ component: 'ingester', to: '*.s3.*', error: 'net/http: TLS handshake timeout' }] }),
  },
  {
    name: 'bucket-name',
    hop: 's3',
    does: 'The name of the bucket has a path in it.',
    make: (api) =>
      changeLoki(api, (config) => {
        for (const path of ['common.storage.s3', 'storage_config.aws']) {
          const section = path.split('.').reduce<Doc | undefined>((at, key) => at?.[key], config);
          if (section?.['bucketnames']) section['bucketnames'] = 'loki-con/loki-chunks';
        }
      }),
  },
  {
    name: 'retention',
    hop: 's3',
    does: 'A retention is set, but no compactor deletes.',
    make: (api) =>
      changeLoki(api, (config) => {
        set(config, 'limits_config.retention_period', '168h');
        set(config, 'compactor.retention_enabled', false);
      }),
  },
  {
    name: 'ruler-layout',
    hop: 's3',
    does: 'Rules lie in the bucket of the ruler where it does not look for them.',
    make: (api) =>
      api.aws((account, done) => {
        const found = [...account.state.s3.buckets.values()].filter(({ name }) => /ruler/.test(name) && !done.has(name));
        for (const { name } of found) {
          done.add(name);
          account.putObject(account.admin, name, 'fake/rules.yaml', Buffer.from('groups:\n- name: errors\n  rules: []\n'));
        }
        return found.length === 0 ? undefined : () => found.forEach(({ name }) => account.deleteObject(account.admin, name, 'fake/rules.yaml'));
      }),
  },
];

function everyRegion(at: unknown, region: string): void {
  if (typeof at !== 'object' || at === null) return;
  for (const [key, value] of Object.entries(at)) {
    if (key === 'region' && value) (at as Doc)[key] = region;
    else everyRegion(value, region);
  }
}

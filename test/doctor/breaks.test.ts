/** One break at a time in a healthy installation of the product: the right one is named first, and nothing once it is mended. */
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { openTerminal, type Terminal } from '../support/sandbox-cli.ts';
import { edit, editText, restart } from './edits.ts';
import { accountOf, policyOn, trustIn } from './guide-installation.ts';
import { does, eventually } from './patient.ts';

let terminal: Terminal;
let password: string;
beforeAll(async () => {
  terminal = await openTerminal({ nodes: 4, speed: 10 });
  const { exit, stderr } = await terminal.cli(['install', '--yes', '--size', 'small']);
  expect(exit, stderr).toBe(0);
  password = (await does(terminal, "kubectl get secret -n alloy -o jsonpath='{.items[*].data.password}' | base64 -d")).trim();
  expect(password.length).toBeGreaterThan(8);
}, 300_000);
afterAll(() => terminal?.close());

const roleName = async (): Promise<string> =>
  (await does(terminal, `kubectl get sa loki -n loki -o jsonpath='{.metadata.annotations.eks\\.amazonaws\\.com/role-arn}'`)).split('/').at(-1)!;
const LOKI_CONFIG = 'configmap/loki -n loki';
const PIPELINE = 'configmap/alloy -n alloy';
const NGINX = 'configmap/loki-gateway -n loki';

describe('a healthy installation', () => {
  it('has no finding at all, and every hop was looked at', async () => {
    const { exit, result } = await eventually(terminal, undefined);
    expect(result.findings).toEqual([]);
    expect(result.notCollected).toEqual([]);
    expect(exit).toBe(0);
  });
});

interface Break {
  readonly code: string;
  readonly hop: string;
  /** Makes it, and returns what mends it. */
  readonly make: () => Promise<() => Promise<unknown>>;
  /** Codes that must be told as well, as consequences. */
  readonly follows?: readonly string[];
}

const breaks: Readonly<Record<string, Break>> = {
  'the annotation of the service account is gone': {
    code: 'LOKI_ROLE_ANNOTATION_MISSING',
    hop: 'aws-identity',
    make: () => edit(terminal, 'sa/loki -n loki', ({ metadata }) => void delete metadata['annotations']),
  },
  'the annotation names a role that pods do not have': {
    code: 'LOKI_PODS_WITHOUT_ROLE',
    hop: 'aws-identity',
    make: async () => {
      const aws = await accountOf(terminal);
      const { account } = terminal.sandbox.world;
      const other = { name: 'other', path: '/', description: '', tags: {} };
      await aws.roles.create({ ...other, trust: trustIn(account.id, account.issuer.replace('https://', '')) });
      const buckets = (await does(terminal, `kubectl get ${LOKI_CONFIG} -o jsonpath='{.data.config\\.yaml}'`))
        .match(/bucketnames: (\S+)/g)!
        .map((text) => text.split(' ')[1]!);
      await aws.roles.setInline('other', 'all', policyOn(buckets));
      return edit(terminal, 'sa/loki -n loki', (body) => {
        (body.metadata['annotations'] as Record<string, string>)['eks.amazonaws.com/role-arn'] = `arn:aws:iam::${account.id}:role/other`;
      });
    },
  },
  'the role trusts another namespace': {
    code: 'IRSA_TRUST_MISMATCH',
    hop: 'aws-identity',
    make: async () => {
      const [aws, name] = [await accountOf(terminal), await roleName()];
      const { trust } = (await aws.roles.find(name))!;
      const { account } = terminal.sandbox.world;
      await aws.roles.setTrust(name, trustIn(account.id, account.issuer.replace('https://', ''), 'system:serviceaccount:logging:loki'));
      return () => aws.roles.setTrust(name, trust);
    },
  },
  'the OIDC provider is gone': {
    code: 'IRSA_PROVIDER_MISSING',
    hop: 'aws-identity',
    make: async () => {
      const aws = await accountOf(terminal);
      const { account } = terminal.sandbox.world;
      await aws.oidcProviders.delete(`arn:aws:iam::${account.id}:oidc-provider/${account.issuer.replace('https://', '')}`);
      return () => aws.oidcProviders.create({ url: account.issuer, audience: 'sts.amazonaws.com', tags: {} });
    },
  },
  'the policy does not let Loki write': {
    code: 'LOKI_ROLE_POLICY',
    hop: 's3',
    make: async () => {
      const [aws, name] = [await accountOf(terminal), await roleName()];
      const [policy, document] = Object.entries((await aws.roles.find(name))!.inline)[0]!;
      const reading = JSON.parse(JSON.stringify(document).replaceAll('"s3:PutObject",', '')) as typeof document;
      await aws.roles.setInline(name, policy, reading);
      return () => aws.roles.setInline(name, policy, document);
    },
  },
  'the configuration names a bucket that is not there': {
    code: 'LOKI_BUCKET_NOT_FOUND',
    hop: 's3',
    make: () =>
      editText(terminal, LOKI_CONFIG, {
        key: 'config.yaml',
        change: (text) => text.replace(/bucketnames: loki-chunks\S*/, 'bucketnames: loki-chunks-that-never-was'),
      }),
  },
  'the configuration names another region': {
    code: 'LOKI_BUCKET_REGION',
    hop: 's3',
    make: () => editText(terminal, LOKI_CONFIG, { key: 'config.yaml', change: (text) => text.replaceAll('region: ap-northeast-2', 'region: eu-west-1') }),
  },
  'a distributor asks for more memory than there is': {
    code: 'PODS_PENDING_CAPACITY',
    hop: 'scheduling',
    make: () =>
      edit(terminal, 'deploy/loki-distributor -n loki', ({ spec }) => void (spec.template.spec.containers[0].resources = { requests: { memory: '900Gi' } })),
  },
  'a taint keeps the collector from a node': {
    code: 'COLLECTOR_EXCLUDED_FROM_NODES',
    hop: 'scheduling',
    make: async () => {
      const node = (await does(terminal, "kubectl get nodes -o jsonpath='{.items[0].metadata.name}'")).trim();
      const back = await edit(terminal, 'ds/alloy -n alloy', ({ spec }) => void delete spec.template.spec.tolerations);
      await does(terminal, `kubectl taint nodes ${node} gpu=yes:NoExecute`);
      return async () => {
        await does(terminal, `kubectl taint nodes ${node} gpu-`);
        await back();
      };
    },
  },
  'Loki does not understand its configuration': {
    code: 'LOKI_CONFIG_INVALID',
    hop: 'loki-config',
    make: async () => {
      const back = await editText(terminal, LOKI_CONFIG, { key: 'config.yaml', change: (text) => `${text}\nretention: 28d\n` });
      await restart(terminal, 'deploy/loki-querier -n loki');
      return async () => {
        await back();
        await restart(terminal, 'deploy/loki-querier -n loki');
      };
    },
  },
  'the ingesters are scaled away': {
    code: 'LOKI_NO_INGESTERS',
    hop: 'loki-runtime',
    make: async () => {
      await does(terminal, 'kubectl scale sts/loki-ingester -n loki --replicas 0');
      return () => does(terminal, 'kubectl scale sts/loki-ingester -n loki --replicas 3 && kubectl rollout status sts/loki-ingester -n loki --timeout 60s');
    },
  },
  'the gateway is scaled away': {
    code: 'GATEWAY_UNAVAILABLE',
    hop: 'gateway',
    make: async () => {
      const wanted = (await does(terminal, "kubectl get deploy/loki-gateway -n loki -o jsonpath='{.spec.replicas}'")).trim();
      await does(terminal, 'kubectl scale deploy/loki-gateway -n loki --replicas 0');
      return () =>
        does(terminal, `kubectl scale deploy/loki-gateway -n loki --replicas ${wanted} && kubectl rollout status deploy/loki-gateway -n loki --timeout 60s`);
    },
  },
  "the gateway's Service is deleted": {
    code: 'GATEWAY_UNAVAILABLE',
    hop: 'gateway',
    make: async () => {
      await does(terminal, 'kubectl get svc/loki-gateway -n loki -o json > service.json && kubectl delete svc/loki-gateway -n loki');
      return () => does(terminal, 'kubectl create -f service.json');
    },
  },
  "the gateway's logins are of somebody else": {
    code: 'WRITER_LOGIN_REFUSED',
    hop: 'gateway',
    make: async () => {
      const secret = (await does(terminal, `kubectl get deploy/loki-gateway -n loki -o jsonpath='{.spec.template.spec.volumes[*].secret.secretName}'`)).trim();
      return edit(terminal, `secret/${secret} -n loki`, ({ data }) => void (data['.htpasswd'] = Buffer.from('somebody:{PLAIN}else').toString('base64')));
    },
  },
  'nobody names a tenant': {
    code: 'WRITER_TENANT_MISSING',
    hop: 'tenant-write',
    make: async () => {
      const nginx = await editText(terminal, NGINX, { key: 'nginx.conf', change: (text) => text.replace(/^.*proxy_set_header X-Scope-OrgID.*$/gim, '') });
      const pipeline = await editText(terminal, PIPELINE, { key: 'config.alloy', change: (text) => text.replace(/^.*tenant_id.*$/m, '') });
      return async () => {
        await nginx();
        await pipeline();
      };
    },
  },
  'the pipeline has a syntax error': {
    code: 'ALLOY_CONFIG_INVALID',
    hop: 'alloy-discovery',
    make: async () => {
      const back = await editText(terminal, PIPELINE, {
        key: 'config.alloy',
        change: (text) => text.replace('loki.write "gateway" {', 'loki.write "gateway" {\n  endpiont = 1'),
      });
      await restart(terminal, 'ds/alloy -n alloy');
      return async () => {
        await back();
        await does(terminal, 'kubectl delete pods -n alloy --all');
      };
    },
  },
  'the collector may not list pods': {
    code: 'ALLOY_RBAC',
    hop: 'alloy-discovery',
    make: async () => {
      const back = await edit(terminal, 'clusterrolebinding/alloy', ({ subjects }) => void (subjects[0].namespace = 'default'));
      await does(terminal, 'kubectl delete pods -n alloy --all');
      return async () => {
        await back();
        await does(terminal, 'kubectl delete pods -n alloy --all');
      };
    },
  },
  "the node filter reads the pod's name": {
    code: 'ALLOY_NODE_FILTER',
    hop: 'alloy-discovery',
    make: () =>
      edit(terminal, 'ds/alloy -n alloy', ({ spec }) => {
        for (const variable of spec.template.spec.containers[0].env)
          if (variable.valueFrom?.fieldRef?.fieldPath === 'spec.nodeName') variable.valueFrom.fieldRef.fieldPath = 'metadata.name';
      }),
  },
  'the collector is neither root nor of its group': {
    code: 'ALLOY_PERMISSION',
    hop: 'alloy-read',
    make: () => asUser({ runAsUser: 473, runAsGroup: 473 }),
  },
  // The log files are the group's to read; the login is its owner's alone.
  'the collector is only of the group of root': {
    code: 'WRITER_PASSWORD_UNREADABLE',
    hop: 'alloy-push',
    make: () => asUser({ runAsUser: 473 }),
  },
  'the push address has a double slash': {
    code: 'ALLOY_PUSH_URL',
    hop: 'alloy-push',
    make: () => editText(terminal, PIPELINE, { key: 'config.alloy', change: (text) => text.replace('/loki/api/v1/push', '//loki/api/v1/push') }),
  },
  'what is read goes nowhere': {
    code: 'ALLOY_NO_WRITE',
    hop: 'alloy-push',
    make: () =>
      editText(terminal, PIPELINE, { key: 'config.alloy', change: (text) => text.replace('forward_to = [loki.write.gateway.receiver]', 'forward_to = []') }),
  },
};

const asUser = (user: Readonly<Record<string, number>>) =>
  edit(terminal, 'ds/alloy -n alloy', ({ spec }) => {
    const { containers, volumes } = spec.template.spec;
    containers[0].securityContext = { ...containers[0].securityContext, ...user };
    // The folder for positions belongs to root as well.
    for (const volume of volumes) if (volume.hostPath && volume.hostPath.path !== '/var/log') Object.assign(volume, { hostPath: undefined, emptyDir: {} });
  });

describe('one break at a time', () => {
  for (const [what, { code, hop, make }] of Object.entries(breaks)) {
    it(`${what}: ${code}`, async () => {
      const mend = await make();
      try {
        const { exit, result, stdout } = await eventually(terminal, code);
        expect({ root: result.root?.problem.code, hop: result.root?.hop, exit }).toEqual({ root: code, hop, exit: 6 });
        expect(result.root?.problem.evidence?.length).toBeGreaterThan(0);
        expect(stdout).not.toContain(password);
      } finally {
        await mend();
      }
    });
  }

  it('and in the end all is well again', async () => {
    const { result } = await eventually(terminal, undefined);
    expect(result.findings.filter(({ severity }) => severity === 'fail')).toEqual([]);
  });
});

describe('two breaks', () => {
  it.each([
    ['the OIDC provider is gone', 'the push address has a double slash'],
    ['the gateway is scaled away', 'what is read goes nowhere'],
  ])('%s, and %s: the first is named', async (up, down) => {
    const mends = [await breaks[down]!.make(), await breaks[up]!.make()];
    try {
      const { result } = await eventually(terminal, breaks[up]!.code);
      expect(result.root?.problem.code).toBe(breaks[up]!.code);
      expect(result.findings.map(({ problem }) => problem.code)).toContain(breaks[down]!.code);
    } finally {
      for (const mend of mends) await mend();
    }
  });
});

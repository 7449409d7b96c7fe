/** A whole life with exactly the rights that the permissions page prints, command by command: none is missing, and each is needed. */
import { describe, expect, it } from 'vitest';
import { policyOf, type Right, rightsOf, sections, WHERE } from '../../src/cli/reference-permissions.ts';
import type { Occasion } from '../../src/engine/types.ts';
import { type AccessRequest, decide, type PolicyDocument } from '../../src/sandbox/aws/policy.ts';
import { openTerminal, type Ran, type Terminal } from '../support/sandbox-cli.ts';
import { bucketsOf, quick } from '../scenarios/story.ts';
import { type Asked, type Caller, callerOf } from './caller.ts';

/** The same of Kubernetes; what `doctor --fix` needs is what helm does with any object of a chart, which no life meets whole. */
const UNASKED: readonly (readonly [right: RegExp, why: string])[] = [
  [/create pods\/portforward/, 'WebSockets are opened with it from Kubernetes 1.35 on'],
  [/^cluster: get nodes$/, 'only while a rotation waits for nodes that are slow to see a Secret'],
  [/update leases/, 'only runs that last longer than a lease renew it'],
  [/^COLLECTOR-NAMESPACE: (get pods\/log|delete pods)/, 'only where a line is missing, or with --restart-collector'],
  [
    /: create (configmaps|services|serviceaccounts|deployments|statefulsets|daemonsets|poddisruptionbudgets|clusterrole)/,
    'an API server asks for it where an object is created by applying it',
  ],
  [
    /NAMESPACE: update (configmaps|services|serviceaccounts|deployments|statefulsets|daemonsets|poddisruptionbudgets)/,
    'only where others have added fields to such an object',
  ],
  [
    /NAMESPACE: get (deployments|statefulsets|daemonsets|services|serviceaccounts|configmaps|poddisruptionbudgets)/,
    'lists are asked first, an object alone only where it was changed',
  ],
  [/^cluster: (get|watch) pods$/, "only held, so that they can be given to the collector's ClusterRole"],
  [/^cluster: get (services|configmaps|namespaces|serviceaccounts|secrets|daemonsets)/, 'what doctor reads depends on what it finds'],
  [/^cluster: list (events|networkpolicies|persistentvolumeclaims)/, 'asked by namespace, and those are known only once Loki is found'],
];

type Wish = Asked['kubernetes'][number];

/** What stands on the page though no life here asks for it, and why. */
const UNTRIED: readonly (readonly [occasion: RegExp, action: RegExp, why: string])[] = [
  [/./, /^eks:ListClusters$/, 'only where --cluster is not given or wrong'],
  [/plan|install|adopt/, /^iam:GetRole .*role\/CALLER/, 'the caller here is no role with a path'],
  [/./, /^s3:DeleteObject$/, 'S3 documents it as always needed; versions are named here, so that the sandbox asks for s3:DeleteObjectVersion'],
  [/./, /^iam:Tag(Role|OpenIDConnectProvider)$/, 'IAM asks for it where something is created with tags'],
  [/adopt|doctor/, /^s3:ListBucket(Versions|MultipartUploads) .*:loki-chunks/, 'only where something is wrong with the bucket'],
  [/install|adopt/, /^s3:(AbortMultipartUpload|DeleteObjectVersion)$/, 'only where Loki has written before the run failed'],
  [/./, /^iam:(UntagRole|DeleteRolePermissionsBoundary)$/, 'only to roll back a tag or a boundary that the run has added'],
  [/uninstall|adopt/, /^iam:UpdateAssumeRolePolicy$/, 'only for a role that others use by now, or that an adoption which died has left'],
  [/adopt/, /^s3:.*-ruler-\?/, 'only where Loki has no bucket for rules'],
];

const BOUNDARY = 'arn:aws:iam::aws:policy/AmazonS3FullAccess';
const NAMES: readonly (readonly [string, string])[] = [
  ['ADOPTED-CHUNKS-BUCKET', 'old-chunks'],
  ['ADOPTED-RULER-BUCKET', 'old-ruler'],
  ['ADOPTED-ROLE', 'old-role'],
  ['arn:aws:iam::ACCOUNT:policy/BOUNDARY', BOUNDARY],
  ['PREFIX', 'loki'],
  ['ACCOUNT', '111122223333'],
  ['REGION', 'ap-northeast-2'],
  ['user/CALLER', 'user/installer'],
  ['CLUSTER', 'training-on-eks'],
];
const OLD = '--chunks-bucket old-chunks --ruler-bucket old-ruler --role-name old-role';

/** The page's policy, filled in as its reader does it. */
const policyFor = (occasions: readonly Occasion[]) =>
  JSON.parse(NAMES.reduce((text, [name, value]) => text.replaceAll(name, value), JSON.stringify(policyOf({ for: occasions })))) as PolicyDocument;

const PLACES: Readonly<Record<string, string>> = {
  [WHERE.loki]: 'loki',
  [WHERE.collector]: 'alloy',
  [WHERE.grafana]: 'monitoring',
  'kube-system': 'kube-system',
};
const nameOf = ({ resource, subresource, group }: Wish) => `${resource}${subresource ? `/${subresource}` : ''}${group ? `.${group}` : ''}`;
const meets = ({ where, resource, verbs }: Right, wish: Wish) =>
  (where === 'cluster' || PLACES[where] === wish.namespace) && resource === nameOf(wish) && verbs.includes(wish.verb);
/** Every user may discover the API and ask what it may do itself. */
const forEverybody = ({ path, resource = '' }: Wish) => path !== undefined || resource.endsWith('reviews');

const asked = new Map<Occasion, { readonly aws: AccessRequest[]; readonly kubernetes: Wish[] }>();

interface House {
  readonly terminal: Terminal;
  readonly caller: Caller;
  /** Runs with what these occasions need and nothing else. */
  act(occasions: readonly Occasion[], words: string, of?: { readonly exit?: number; readonly denied?: string }): Promise<Ran>;
}

async function harness(options: Parameters<typeof openTerminal>[0] = {}): Promise<House> {
  const terminal = await openTerminal({ ...quick, ...options });
  const caller = callerOf(terminal);
  const act: House['act'] = async (occasions, words, { exit = 0, denied } = {}) => {
    caller.asked();
    caller.allow(policyFor(occasions));
    if (denied) terminal.sandbox.world.addFault({ call: denied, how: 'deny', times: 1 });
    const ran = await terminal.cli([...words.split(' '), '--output', 'json'], { env: caller.env });
    const seen = caller.asked();
    for (const occasion of occasions) {
      const all = asked.get(occasion) ?? { aws: [], kubernetes: [] };
      all.aws.push(...seen.aws);
      all.kubernetes.push(...seen.kubernetes);
      asked.set(occasion, all);
    }
    const refused = seen.aws.filter((one) => decide([policyFor(occasions)], one) !== 'allowed').map(({ action, resource }) => `${action} ${resource}`);
    expect.soft([...new Set(refused)], words).toEqual([]);
    const rights = rightsOf({ for: occasions });
    const bare = seen.kubernetes.filter((wish) => !forEverybody(wish) && !rights.some((right) => meets(right, wish)));
    expect.soft([...new Set(bare.map((wish) => `${wish.verb} ${nameOf(wish)} in ${wish.namespace || 'the cluster'}`))], words).toEqual([]);
    expect(ran.exit, `${words}\n${ran.stdout.slice(-2000)}`).toBe(exit);
    return ran;
  };
  return { terminal, caller, act };
}

const confirmed = ({ terminal }: House) =>
  bucketsOf(terminal)
    .map((name) => `--confirm-delete-data ${name}`)
    .join(' ');

/** Somebody has taken off whatever can be taken off. */
function strip({ terminal }: House, of: { readonly role: RegExp }): void {
  const { s3, iam } = terminal.sandbox.world.account.state;
  for (const bucket of s3.buckets.values()) {
    for (const sub of ['publicAccessBlock', 'encryption', 'lifecycle']) bucket.settings.delete(sub);
    bucket.policy = undefined;
    bucket.tags = Object.fromEntries(Object.entries(bucket.tags).filter(([key]) => key !== 'loki-eks/retention-days'));
  }
  for (const role of iam.roles.values()) {
    if (!of.role.test(role.name)) continue;
    role.inline.clear();
    const document = { ...role.trust.document, Statement: role.trust.document.Statement.map((statement) => ({ ...statement, Condition: {} })) };
    role.trust = { text: JSON.stringify(document), document };
  }
}

const OTHERS = { Sid: 'OtherTeam', Effect: 'Allow' as const, Principal: { Service: 'ec2.amazonaws.com' }, Action: 'sts:AssumeRole' };

describe('a life with the rights of the page', () => {
  const bounded = `--permissions-boundary ${BOUNDARY}`;

  it('with IRSA, a boundary, and the names that are made', { timeout: 400_000 }, async () => {
    const one = await harness({ grafana: true });
    const { act, terminal } = one;
    await act(['plan'], `plan ${bounded}`);
    await act(['install'], `install --yes ${bounded}`, { exit: 4, denied: 'kube:patch:daemonsets' });
    await act(['install'], `install --yes ${bounded}`);
    await act(['install'], `install --yes ${bounded}`);
    await act(['plan'], `plan ${bounded}`);
    await act(['status'], 'status');
    await act(['doctor'], 'doctor');
    await act(['verify'], 'verify');
    await act(['install'], `install --yes --rotate-login --no-verify ${bounded}`);
    strip(one, { role: /loki-eks/ });
    await act(['install'], `install --yes --size small --retention-days 60 --no-verify ${bounded}`, { exit: 4, denied: 'kube:patch:statefulsets' });
    await act(['install'], `install --yes --size small --retention-days 60 --no-verify ${bounded}`);
    for (const role of terminal.sandbox.world.account.state.iam.roles.values()) if (role.name.startsWith('loki-eks')) role.boundary = undefined;
    await act(['install'], `install --yes --size small --retention-days 60 --no-verify ${bounded}`);
    await act(['orphan'], 'orphan --yes');
    await act(['adopt'], `adopt --yes ${bounded}`);
    await act(['uninstall'], 'uninstall --yes');
    await act(['uninstall', 'uninstall --expire-data'], `uninstall --yes --expire-data ${confirmed(one)}`);
    for (const [name, bucket] of terminal.sandbox.world.account.state.s3.buckets) {
      terminal.sandbox.world.account.seedObjects(name, { count: 3 });
      bucket.uploads.set('u1', { id: 'u1', key: 'k', started: new Date(), headers: {}, parts: new Map() });
    }
    await act(['uninstall', 'uninstall --delete-data'], `uninstall --yes --delete-data ${confirmed(one)}`);
    await terminal.close();
  });

  it('that takes over what has other names, and makes a role beside one that others use', { timeout: 400_000 }, async () => {
    const one = await harness();
    const { act, terminal } = one;
    const admin = async (words: string) => expect((await terminal.cli(words.split(' '))).exit, words).toBe(0);
    await admin(`install --yes --no-verify ${OLD} ${bounded}`);
    await admin('orphan --yes');
    strip(one, { role: /^$/ });
    await act(['adopt'], `adopt --yes --no-verify ${bounded}`, { exit: 4, denied: 'kube:patch:daemonsets' });
    await act(['adopt'], `adopt --yes --no-verify ${bounded}`);
    await admin('orphan --yes');
    strip(one, { role: /^old-role$/ });
    // Somebody else uses it too.
    const role = [...terminal.sandbox.world.account.state.iam.roles.values()].find(({ name }) => name === 'old-role')!;
    const document = { ...role.trust.document, Statement: [...role.trust.document.Statement, OTHERS] };
    role.trust = { text: JSON.stringify(document), document };
    await act(['adopt'], `adopt --yes --no-verify --role-name old-role ${bounded}`, { exit: 4, denied: 'kube:patch:daemonsets' });
    await act(['adopt'], `adopt --yes --no-verify ${bounded}`, { exit: 4, denied: 'kube:patch:daemonsets' });
    await terminal.close();
  });

  it('without a boundary, with an OIDC provider of its own', { timeout: 400_000 }, async () => {
    const { act, terminal } = await harness({ cluster: { oidcProvider: false } });
    const choices = ['--create-oidc-provider', 'without --permissions-boundary'] as const;
    await act(['install', ...choices], 'install --yes --no-verify --create-oidc-provider', { exit: 4, denied: 'kube:patch:daemonsets' });
    await act(['install', ...choices], 'install --yes --no-verify --create-oidc-provider');
    for (const provider of terminal.sandbox.world.account.state.iam.providers.values()) provider.audiences = ['other'];
    await act(['install', ...choices], 'install --yes --no-verify --create-oidc-provider --rotate-login', { exit: 4, denied: 'kube:patch:daemonsets' });
    await act(['install', ...choices], 'install --yes --no-verify --create-oidc-provider');
    await act(['uninstall', 'without --permissions-boundary'], 'uninstall --yes');
    await act(['install', ...choices], 'install --yes --no-verify');
    await act(['orphan'], 'orphan --yes');
    await terminal.close();
  });

  it('with EKS Pod Identity, and back', { timeout: 400_000 }, async () => {
    const { act, terminal } = await harness({ account: { timings: { rolePropagationMs: 50 } } });
    const chosen = '--identity pod-identity' as const;
    await act(['install', chosen], `install --yes --no-verify ${chosen} ${bounded}`, { exit: 4, denied: 'kube:patch:daemonsets' });
    await act(['install', chosen], `install --yes --no-verify ${chosen} ${bounded}`);
    await act(['status', chosen], 'status');
    const [association] = terminal.sandbox.world.account.state.eks.clusters.get('training-on-eks')!.associations.values();
    association!.roleArn = `arn:aws:iam::${terminal.sandbox.world.account.id}:role/admin`;
    await act(['install', chosen], `install --yes --no-verify ${chosen} ${bounded}`);
    await act(['orphan', chosen], 'orphan --yes');
    await act(['adopt', chosen], `adopt --yes --no-verify ${bounded}`);
    await act(['uninstall', chosen], 'uninstall --yes');
    await terminal.close();
  });
});

describe('the page', () => {
  const nothing = { aws: [], kubernetes: [] };

  it.each(sections.flatMap((section) => section.for))('declares for %s nothing that no call needs', (occasion) => {
    const calls = asked.get(occasion) ?? nothing;
    const atoms = policyFor([occasion]).Statement.flatMap((statement) =>
      (statement.Action as readonly string[]).map((action) => ({ ...statement, Action: action })),
    );
    const idle = atoms.filter((atom) => !calls.aws.some((call) => decide([{ Statement: [atom] }], call) === 'allowed'));
    const nameOfAtom = ({ Action, Resource }: (typeof idle)[number]) => `${Action} ${(Resource as readonly string[]).join(' ')}`;
    const excused = (name: string) =>
      UNTRIED.some(([of, action]) => (of.test(occasion) && action.test(name)) || (of.test(occasion) && action.test(name.split(' ')[0] ?? '')));
    expect(idle.map(nameOfAtom).filter((name) => !excused(name))).toEqual([]);
  });

  it('gives no right in Kubernetes that no request needs', () => {
    const all = sections.flatMap((section) => section.for);
    const wishes = [...asked.values()].flatMap(({ kubernetes }) => kubernetes);
    const idle = rightsOf({ for: all.filter((occasion) => occasion !== 'doctor --fix') }).flatMap((right) =>
      right.verbs.filter((verb) => !wishes.some((wish) => meets({ ...right, verbs: [verb] }, wish))).map((verb) => `${right.where}: ${verb} ${right.resource}`),
    );
    expect(idle.filter((right) => !UNASKED.some(([name]) => name.test(right)))).toEqual([]);
  });
});

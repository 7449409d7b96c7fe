/** The page docs/reference/permissions.md: what steps and commands declare, combined into policies and roles to copy. */
import { permissions } from '../commands/permissions.ts';
import type { Json, Occasion, Permission } from '../engine/types.ts';

interface Section {
  readonly title: string;
  readonly text: string;
  readonly for: readonly Occasion[];
}

export const sections: readonly Section[] = [
  {
    title: 'plan, status, verify and doctor',
    text: 'They change nothing, but that `verify` runs pods which print a line.',
    for: ['plan', 'status', 'verify', 'doctor'],
  },
  { title: 'install', text: 'Complete: also to verify at its end, to upgrade, to rotate the password, and to roll back.', for: ['install'] },
  { title: 'uninstall', text: 'Complete. Log data stays.', for: ['uninstall'] },
  { title: 'uninstall --delete-data', text: 'Beside what `uninstall` needs.', for: ['uninstall --delete-data'] },
  { title: 'uninstall --expire-data', text: 'Beside what `uninstall` needs.', for: ['uninstall --expire-data'] },
  {
    title: 'adopt',
    text: 'Complete. The buckets and the role that are taken over have names of their own; they stand in the place of the patterns in every later policy too.',
    for: ['adopt'],
  },
  { title: 'orphan', text: 'Complete.', for: ['orphan'] },
  { title: 'doctor --fix', text: 'Beside what `doctor` and `install` need.', for: ['doctor --fix'] },
  {
    title: '--identity pod-identity',
    text: 'Beside what the command needs, in place of what it needs of the OIDC provider.',
    for: ['--identity pod-identity'],
  },
  {
    title: '--create-oidc-provider',
    text: 'Beside what `install` needs, where the account has no OIDC provider for the cluster yet.',
    for: ['--create-oidc-provider'],
  },
  {
    title: 'Without --permissions-boundary',
    text: 'Beside what `install`, `adopt` and `uninstall` need. With it, the caller may do anything, through a role.',
    for: ['without --permissions-boundary'],
  },
];

type Statement = Extract<Permission, { readonly actions: unknown }>;
type Rule = Extract<Permission, { readonly verbs: unknown }>;
const isStatement = (one: Permission): one is Statement => 'actions' in one;

const declaredFor = ({ for: occasions }: Pick<Section, 'for'>): readonly Permission[] =>
  permissions().filter((one) => one.for.some((occasion) => occasions.includes(occasion)));

/** A policy with everything the section declares; statements with the same resources and condition are merged. */
export function policyOf(section: Pick<Section, 'for'>) {
  const grouped = new Map<string, { readonly on: readonly string[]; readonly condition: Json | undefined; readonly actions: Set<string> }>();
  for (const { actions, on, condition } of declaredFor(section).filter(isStatement)) {
    // Buckets and objects have different actions, and a policy is easier to read with each where it belongs.
    const key = JSON.stringify([on, condition]);
    const group = grouped.get(key) ?? { on, condition, actions: new Set() };
    for (const action of actions) group.actions.add(action);
    grouped.set(key, group);
  }
  const same = new Map<string, { readonly on: string[]; readonly condition: Json | undefined; readonly actions: readonly string[] }>();
  for (const { on, condition, actions } of grouped.values()) {
    const sorted = [...actions].toSorted();
    const key = JSON.stringify([sorted, condition]);
    const group = same.get(key) ?? { on: [], condition, actions: sorted };
    group.on.push(...on.filter((one) => !group.on.includes(one)));
    same.set(key, group);
  }
  return {
    Version: '2012-10-17',
    Statement: [...same.values()].map(({ on, condition, actions }) => ({
      Effect: 'Allow' as const,
      Action: actions,
      Resource: on,
      ...(condition !== undefined && { Condition: condition as Readonly<Record<string, Readonly<Record<string, Json>>>> }),
    })),
  };
}

export const WHERE: Readonly<Record<Rule['where'], string>> = {
  cluster: 'cluster',
  loki: 'NAMESPACE',
  collector: 'COLLECTOR-NAMESPACE',
  'kube-system': 'kube-system',
  grafana: 'GRAFANA-NAMESPACE',
};
const VERBS = ['get', 'list', 'watch', 'create', 'update', 'patch', 'delete'];

export interface Right {
  readonly where: string;
  readonly resource: string;
  readonly verbs: readonly string[];
}

/** All verbs of a resource in a place, once. */
export function rightsOf(section: Pick<Section, 'for'>): readonly Right[] {
  const found = new Map<string, Set<string>>();
  for (const { where, resources, verbs } of declaredFor(section).filter((one): one is Rule => !isStatement(one)))
    for (const resource of resources) {
      const key = `${WHERE[where]} ${resource}`;
      found.set(key, new Set([...(found.get(key) ?? []), ...verbs]));
    }
  return [...found].map(([key, verbs]) => {
    const [where = '', resource = ''] = key.split(' ');
    return { where, resource, verbs: VERBS.filter((verb) => verbs.has(verb)) };
  });
}

export function permissionsPage(): string {
  return [
    '# Permissions',
    '',
    '<!-- Generated by `node scripts/docs.mjs`; edit the source it names. -->',
    '<!-- Source: src/steps, and src/commands/permissions.ts for what is no step -->',
    '',
    "What the one who runs loki-eks must be allowed to do, by command. Loki's own role gets far less: its two buckets and nothing else.",
    'A test runs every command with its policy and nothing more.',
    '',
    '`PREFIX` is the setting bucketPrefix (`loki` by default). With `--bucket-namespace global`, `-ACCOUNT-REGION-an` falls away at the end of',
    'bucket names. In China and GovCloud the ARNs begin with `arn:aws-cn` and `arn:aws-us-gov`. With `--iam-path` the ARN of the role holds that',
    'path; of CLUSTER the first 40 characters are in its name. Names that you give with `--chunks-bucket`, `--ruler-bucket` and `--role-name` stand',
    'in the place of the patterns.',
    '',
    'BOUNDARY is a policy of yours that allows what `loki-eks plan --show policies` prints as `role-policy.json`, or more. With it, and with',
    '`permissionsBoundary` in `loki-eks.yaml`, the installer can make a role that does no more than BOUNDARY allows.',
    '',
    'In Kubernetes, `cluster` means a ClusterRole with a ClusterRoleBinding, everything else a Role with a RoleBinding in that namespace. For the',
    'two namespaces of an installation that means that they exist already; otherwise, bind their roles in the whole cluster.',
    '',
    ...sections.flatMap(sectionLines),
  ].join('\n');
}

function sectionLines(section: Section): readonly string[] {
  const declared = declaredFor(section);
  const statements = declared.filter(isStatement);
  const rights = rightsOf(section);
  const why = new Map<string, Set<string>>();
  for (const one of statements) why.set(one.to, new Set([...(why.get(one.to) ?? []), ...one.actions]));
  return [
    `## ${section.title}`,
    '',
    section.text,
    '',
    ...(statements.length === 0
      ? []
      : [
          '### AWS',
          '',
          ...table(
            ['to', 'actions'],
            [...why].map(([to, actions]) => [to, [...actions].map(code).join(', ')]),
          ),
          ...json(policyOf(section)),
        ]),
    ...(rights.length === 0
      ? []
      : [
          '### Kubernetes',
          '',
          ...table(
            ['where', 'resource', 'verbs', 'to'],
            rights.map((right) => [code(right.where), code(right.resource), right.verbs.join(', '), reasons(declared, right)]),
          ),
        ]),
  ];
}

function reasons(declared: readonly Permission[], { where, resource }: Right): string {
  const said = declared.flatMap((one) => (!isStatement(one) && WHERE[one.where] === where && one.resources.includes(resource) ? [one.to] : []));
  return [...new Set(said)].join('; ');
}

const code = (text: string) => `\`${text}\``;
const row = (cells: readonly string[]) => `| ${cells.join(' | ')} |`;
const table = (head: readonly string[], rows: readonly (readonly string[])[]) => [row(head), row(head.map(() => '---')), ...rows.map(row), ''];
const json = (value: object): readonly string[] => ['```json', JSON.stringify(value, null, 2), '```', ''];

/** Decisions made for the user that are worth mentioning, one sentence each. */
import type { KubeObject } from '../ports/kubernetes.ts';
import type { DesignInput } from './design-input.ts';
import { spreadNodes } from './sizes.ts';

export function notes(
  { settings, facts, sizing: { replicationFactor } }: DesignInput,
  found: { readonly nodes: number; readonly storage: { readonly name: string; readonly object?: KubeObject } },
): readonly string[] {
  const { nodes, storage } = found;
  const said: string[] = [];
  if (replicationFactor === 1)
    said.push(
      `Only ${nodes} node${nodes === 1 ? '' : 's'} can run Loki, so each log line is stored once instead of three times until it is in S3; with three or more nodes, run install again.`,
    );
  const now = spreadNodes(facts.nodes, facts.cluster.autoMode);
  if (now < nodes) said.push(`Loki stays sized for ${nodes} nodes, although only ${now} can run it now.`);
  if (storage.object !== undefined) said.push(`No StorageClass of the cluster is suitable, so loki-eks creates one: ${storage.name} (gp3, encrypted).`);
  if (settings.expose === 'internal' && settings.certificate === undefined)
    said.push('The internal load balancer has no certificate: credentials cross the VPC in clear text.');
  if (settings.alertmanagerUrl === undefined) said.push('No Alertmanager is set: rules are evaluated, but their alerts are not sent.');
  const fargate = facts.nodes.filter(({ kind }) => kind === 'fargate').length;
  if (fargate > 0) said.push(`Pods on Fargate (${fargate} node${fargate === 1 ? '' : 's'}) are not collected, because Fargate does not run DaemonSets.`);
  return said;
}

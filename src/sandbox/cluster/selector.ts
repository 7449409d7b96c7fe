/** Label selectors, node selector terms, taints and tolerations: what matches what. */
import type { LabelSelector, Labels, NodeSelectorTerm, Requirement, Taint, Toleration } from './shapes.ts';

function meets(requirement: Requirement, value: string | undefined): boolean {
  const values = requirement.values ?? [];
  switch (requirement.operator) {
    case 'In':
      return value !== undefined && values.includes(value);
    case 'NotIn':
      return value === undefined || !values.includes(value);
    case 'Exists':
      return value !== undefined;
    case 'DoesNotExist':
      return value === undefined;
    case 'Gt':
      return value !== undefined && Number(value) > Number(values[0]);
    case 'Lt':
      return value !== undefined && Number(value) < Number(values[0]);
    default:
      return false;
  }
}

/** An absent selector matches nothing, an empty one everything. */
export function selects(selector: LabelSelector | undefined, labels: Labels | undefined): boolean {
  if (selector === undefined) return false;
  const has = labels ?? {};
  return (
    Object.entries(selector.matchLabels ?? {}).every(([key, value]) => has[key] === value) &&
    (selector.matchExpressions ?? []).every((requirement) => meets(requirement, has[requirement.key]))
  );
}

/** The equality selectors of Services: an empty one selects nothing. */
export function selectsByMap(selector: Labels | undefined, labels: Labels | undefined): boolean {
  const wanted = Object.entries(selector ?? {});
  return wanted.length > 0 && wanted.every(([key, value]) => labels?.[key] === value);
}

export function termMatchesNode(term: NodeSelectorTerm, node: { readonly name: string; readonly labels?: Labels }): boolean {
  const expressions = term.matchExpressions ?? [];
  const fields = term.matchFields ?? [];
  if (expressions.length === 0 && fields.length === 0) return false;
  return (
    expressions.every((requirement) => meets(requirement, node.labels?.[requirement.key])) &&
    fields.every((requirement) => meets(requirement, requirement.key === 'metadata.name' ? node.name : undefined))
  );
}

export function tolerates(tolerations: readonly Toleration[], taint: Taint): boolean {
  return tolerations.some((toleration) => {
    if (toleration.effect !== undefined && toleration.effect !== '' && toleration.effect !== taint.effect) return false;
    const operator = toleration.operator || 'Equal';
    if (toleration.key === undefined || toleration.key === '') return operator === 'Exists';
    if (toleration.key !== taint.key) return false;
    return operator === 'Exists' || (toleration.value ?? '') === (taint.value ?? '');
  });
}

/** The first taint that the pod does not tolerate; `PreferNoSchedule` never counts. */
export function untolerated(taints: readonly Taint[] | undefined, tolerations: readonly Toleration[] | undefined): Taint | undefined {
  return (taints ?? []).find((taint) => taint.effect !== 'PreferNoSchedule' && !tolerates(tolerations ?? [], taint));
}

/** All permissions that a user of loki-eks needs, as declared by the steps and the other callers of AWS and Kubernetes. */
import { rule } from '../design/permissions.ts';
import { checks } from '../checks/index.ts';
import type { Permission } from '../engine/types.ts';
import { everyStep } from '../steps/index.ts';
import { discoverPermissions } from './discover.ts';
import { surveyPermissions } from './doctor/collect/collect.ts';
import { lockPermissions } from './lock/lock.ts';
import { reachPermissions } from './connect.ts';
import { verifyPermissions } from './verify/verify.ts';

export const permissions = (): readonly Permission[] => [
  ...reachPermissions,
  ...discoverPermissions,
  ...everyStep().flatMap((step) => step.permissions),
  ...checks.flatMap((check) => check.permissions ?? []),
  ...statusPermissions,
  ...verifyPermissions,
  ...surveyPermissions,
  ...lockPermissions,
];

const statusPermissions: readonly Permission[] = [rule('loki', 'get', 'pods/log', { to: 'see in its log whether Loki keeps what it gets', for: ['status'] })];

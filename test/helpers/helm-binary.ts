/** The real helm the contract tests run: a test without it must fail, not pass by being skipped. */

export function helmBinary(): string {
  const path = process.env['LOKI_EKS_HELM'];
  if (!path) throw new Error('LOKI_EKS_HELM is not set: `npm run tools` fetches helm and says where it is');
  return path;
}

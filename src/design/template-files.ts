/** The files under `templates/`, by name; the caller reads them and passes `design()` a function that returns their text. */

export const templateFiles = [
  'loki/values.yaml',
  'alloy/values.yaml',
  'alloy/config.alloy',
  'alloy/checkpoint.pl',
  'iam/s3-access.json',
  'iam/kms-access.json',
  'iam/web-identity-trust.json',
  'iam/pod-identity-trust.json',
  's3/tls-only.json',
  'grafana/datasource.yaml',
  'grafana/dashboard.json',
] as const;

export type TemplateName = (typeof templateFiles)[number];

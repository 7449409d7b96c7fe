{{/* Loki's own configuration, as one map. */}}

{{- define "loki.s3" -}}
{{- $s3 := .Values.loki.storage.s3 -}}
{{- $out := dict "insecure" $s3.insecure "s3forcepathstyle" $s3.s3ForcePathStyle -}}
{{- range $from, $to := dict "s3" "s3" "endpoint" "endpoint" "region" "region" "accessKeyId" "access_key_id" "secretAccessKey" "secret_access_key" "signatureVersion" "signature_version" "disable_dualstack" "disable_dualstack" "http_config" "http_config" "backoff_config" "backoff_config" -}}
{{- with get $s3 $from -}}{{- $_ := set $out $to . -}}{{- end -}}
{{- end -}}
{{- toYaml $out -}}
{{- end -}}

{{- define "loki.bucket" -}}
{{- $root := index . 0 -}}{{- $which := index . 1 -}}
{{- required (printf "Please define loki.storage.bucketNames.%s" $which) (dig "bucketNames" $which "" $root.Values.loki.storage) -}}
{{- end -}}

{{- define "loki.memcachedClient" -}}
{{- $root := index . 0 -}}{{- $cache := index . 1 -}}{{- $name := index . 2 -}}
addresses: dnssrvnoa+_memcached-client._tcp.{{ include "loki.address" (list $root $name) }}
consistent_hash: true
timeout: {{ $cache.timeout }}
{{- end -}}

{{- define "loki.background" -}}
background:
  writeback_buffer: {{ int .writebackBuffer }}
  writeback_goroutines: {{ int .writebackParallelism }}
  writeback_size_limit: {{ .writebackSizeLimit }}
default_validity: {{ .defaultValidity }}
{{- end -}}

{{- define "loki.generated" -}}
{{- $loki := .Values.loki -}}
{{- $out := dict "auth_enabled" $loki.auth_enabled -}}
{{- range $key := list "analytics" "block_builder" "bloom_build" "bloom_gateway" "compactor" "compactor_grpc_client" "distributor" "frontend" "frontend_worker" "index_gateway" "ingester" "ingester_client" "limits_config" "operational_config" "pattern_ingester" "querier" "query_scheduler" "server" "tracing" -}}
{{- with get $loki $key -}}{{- $_ := set $out $key . -}}{{- end -}}
{{- end -}}
{{- $s3 := include "loki.s3" . | fromYaml -}}
{{- $common := deepCopy $loki.commonConfig -}}
{{- if ne $loki.storage.type "s3" -}}
{{- fail (printf "loki.storage.type %q: the stand-in chart of the loki-eks sandbox knows s3 only" $loki.storage.type) -}}
{{- end -}}
{{- $chunks := include "loki.bucket" (list . "chunks") -}}
{{- if dig "aws" "bucketnames" "" $loki.storage_config -}}{{- $chunks = "" -}}{{- end -}}
{{- $_ := set $common "storage" (dict "s3" (merge (dict "bucketnames" $chunks) (deepCopy $s3))) -}}
{{- $_ := set $out "common" $common -}}
{{- if .Values.ruler.enabled -}}
{{- $ruler := deepCopy $loki.rulerConfig -}}
{{- if not $ruler.storage -}}
{{- $_ := set $ruler "storage" (dict "type" "s3" "s3" (merge (dict "bucketnames" (include "loki.bucket" (list . "ruler"))) (deepCopy $s3))) -}}
{{- end -}}
{{- $_ := set $out "ruler" $ruler -}}
{{- end -}}
{{- $members := dict "join_members" (list (include "loki.address" (list . "memberlist"))) -}}
{{- $_ := set $out "memberlist" (mergeOverwrite $members (deepCopy $loki.extraMemberlistConfig) (deepCopy $loki.memberlistConfig)) -}}
{{- $_ := set $out "runtime_config" (dict "file" "/etc/loki/runtime-config/runtime-config.yaml") -}}
{{- if $loki.schemaConfig -}}{{- $_ := set $out "schema_config" $loki.schemaConfig -}}
{{- else if $loki.useTestSchema -}}
{{- $_ := set $out "schema_config" (dict "configs" (list (dict "from" "2024-04-01" "store" "tsdb" "object_store" "s3" "schema" "v13" "index" (dict "prefix" "index_" "period" "24h")))) -}}
{{- end -}}
{{- $_ := set $out "storage_config" (mergeOverwrite (dict "use_thanos_objstore" $loki.storage.use_thanos_objstore) (deepCopy $loki.storage_config)) -}}
{{- with .Values.chunksCache -}}{{- if .enabled -}}
{{- $client := mergeOverwrite (dict "max_idle_conns" 72) (include "loki.memcachedClient" (list $ . "chunks-cache") | fromYaml) -}}
{{- $cache := mergeOverwrite (include "loki.background" . | fromYaml) (dict "memcached" (dict "batch_size" (int .batchSize) "parallelism" (int .parallelism)) "memcached_client" $client) -}}
{{- $_ := set $out "chunk_store_config" (dict "chunk_cache_config" $cache) -}}
{{- end -}}{{- end -}}
{{- $range := dict "align_queries_with_step" true -}}
{{- with .Values.resultsCache -}}{{- if .enabled -}}
{{- $client := mergeOverwrite (dict "update_interval" "1m") (include "loki.memcachedClient" (list $ . "results-cache") | fromYaml) -}}
{{- $range = mergeOverwrite $range (dict "cache_results" true "results_cache" (dict "cache" (mergeOverwrite (include "loki.background" . | fromYaml) (dict "memcached_client" $client)))) -}}
{{- end -}}{{- end -}}
{{- $_ := set $out "query_range" (mergeOverwrite $range (deepCopy $loki.query_range)) -}}
{{- tpl (toYaml $out) . -}}
{{- end -}}

{{- define "loki.config" -}}
{{- if .Values.loki.config -}}
{{- $own := tpl .Values.loki.config . | fromYaml -}}
{{- mergeOverwrite $own (deepCopy .Values.loki.structuredConfig) | toYaml -}}
{{- else -}}
{{- $own := include "loki.generated" . | fromYaml -}}
{{- mergeOverwrite $own (deepCopy .Values.loki.structuredConfig) | toYaml -}}
{{- end -}}
{{- end -}}

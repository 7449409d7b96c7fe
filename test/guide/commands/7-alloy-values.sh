# The values of Alloy.
cat <<'EOF' > alloy-values.yaml
alloy:
  configMap:
    create: true
    # the pipeline goes here
    content: |
      discovery.kubernetes "pod" {
        role = "pod"
        selectors {
          role = "pod"
          field = "spec.nodeName=" + coalesce(sys.env("HOSTNAME"), constants.hostname)
        }
      }

      discovery.relabel "pod_logs" {
        targets = discovery.kubernetes.pod.targets

        // Label creation - "namespace" field from "__meta_kubernetes_namespace"
        rule {
          source_labels = ["__meta_kubernetes_namespace"]
          action = "replace"
          target_label = "namespace"
        }

        // Label creation - "pod" field from "__meta_kubernetes_pod_name"
        rule {
          source_labels = ["__meta_kubernetes_pod_name"]
          action = "replace"
          target_label = "pod"
        }

        // Label creation - "container" field from "__meta_kubernetes_pod_container_name"
        rule {
          source_labels = ["__meta_kubernetes_pod_container_name"]
          action = "replace"
          target_label = "container"
        }

        // Label creation -  "app" field from "__meta_kubernetes_pod_label_app_kubernetes_io_name"
        rule {
          source_labels = ["__meta_kubernetes_pod_label_app_kubernetes_io_name"]
          action = "replace"
          target_label = "app"
        }

        // Label creation -  "job" field from "__meta_kubernetes_namespace" and "__meta_kubernetes_pod_container_name"
        // Concatenate values __meta_kubernetes_namespace/__meta_kubernetes_pod_container_name
        rule {
          source_labels = ["__meta_kubernetes_namespace", "__meta_kubernetes_pod_container_name"]
          action = "replace"
          target_label = "job"
          separator = "/"
          replacement = "$1/$2"
        }

        // Label creation - "__path__" field from "__meta_kubernetes_pod_uid" and "__meta_kubernetes_pod_container_name"
        // Concatenate values __meta_kubernetes_pod_uid/__meta_kubernetes_pod_container_name.log
        rule {
          source_labels = ["__meta_kubernetes_pod_uid", "__meta_kubernetes_pod_container_name"]
          action = "replace"
          target_label = "__path__"
          separator = "/"
          replacement = "/var/log/pods/*$1/*.log"
        }

        // Label creation -  "container_runtime" field from "__meta_kubernetes_pod_container_id"
        rule {
          source_labels = ["__meta_kubernetes_pod_container_id"]
          action = "replace"
          target_label = "container_runtime"
          regex = "^(\\S+):\\/\\/.+$"
          replacement = "$1"
        }
      }

      //loki.source.file "pod_logs" {
      //  targets    = discovery.relabel.pod_logs.output
      //  forward_to = [loki.process.pod_logs.receiver]
      //}

      //loki.process "pod_logs" {
      //  stage.static_labels {
      //     values = {
      //        cluster = "training-on-eks",
      //      }
      //  }
      //  forward_to = [loki.write.grafana_loki.receiver]
      //}

      // required: where Loki is
      // url needs the scheme (http) and the path of the API (/loki/api/v1/push) 
      //loki.write "grafana_loki" {
      //  endpoint {
      //    url = "loki-gateway.loki.svc.cluster.local"
      //     url = "http://loki-gateway.loki.svc.cluster.local//loki/api/v1/push"
      //  }
      //}

      // 2. important: turn the wildcard into a list of files
      local.file_match "pod_logs" {
        path_targets = discovery.relabel.pod_logs.output
      }

      // 3. read those files
      loki.source.file "pod_logs" {
        targets    = local.file_match.pod_logs.targets // corrected: the targets of file_match
        forward_to = [loki.process.pod_logs.receiver]
      }

      // 4. process: add a fixed label
      loki.process "pod_logs" {
        stage.static_labels {
            values = {
              cluster = "training-on-eks",
            }
        }
        forward_to = [loki.write.grafana_loki.receiver]
      }

      // 5. send to Loki
      loki.write "grafana_loki" {
        endpoint {
           // corrected: no double slash
           url = "http://loki-gateway.loki.svc.cluster.local/loki/api/v1/push"

           // a login, against the 401
           basic_auth {
             username = "loki"  // the user
             password = "loki"  // the password
           }

           // the header of multi-tenancy
           headers = {
             "X-Scope-OrgId" = "foo",
           }
        }
      } 

  # required: to reach the node's log files (/var/log/pods)
  controller:
    type: daemonset

  securityContext:
    privileged: true # may be needed for permissions

  # the key: the node's log folders inside the container
  extraVolumeMounts:
    - name: varlog
      mountPath: /var/log
      readOnly: true
    - name: varlibdockercontainers
      mountPath: /var/lib/docker/containers
      readOnly: true

  extraVolumes:
    - name: varlog
      hostPath:
        path: /var/log
    - name: varlibdockercontainers
      hostPath:
        path: /var/lib/docker/containers

# RBAC, needed to list pods
rbac:
  create: true
EOF

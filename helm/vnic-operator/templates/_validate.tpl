{{/* SPDX-License-Identifier: Apache-2.0 */}}

{{/* What values.schema.json cannot say, because it needs two values at once. */}}
{{- define "vnic-operator.validate" -}}
{{- if not (or .Values.serviceAccount.create .Values.serviceAccount.name) }}
{{- fail "serviceAccount.name must say which service account the operator uses when serviceAccount.create is false" }}
{{- end }}
{{- if and (gt (int .Values.replicas) 1) (not (dig "leaderElect" true .Values.config)) }}
{{- fail "config.leaderElect may not be false when replicas is more than 1: every Pod would work, none knowing of the others" }}
{{- end }}
{{- $lease := dig "leaseDurationSeconds" 15 .Values.config | int }}
{{- $deadline := dig "renewDeadlineSeconds" 10 .Values.config | int }}
{{- $retry := dig "retryPeriodSeconds" 2 .Values.config | int }}
{{- if le $lease $deadline }}
{{- fail (printf "config.leaseDurationSeconds (%d) must be greater than config.renewDeadlineSeconds (%d)" $lease $deadline) }}
{{- end }}
{{- if le (mul 10 $deadline) (mul 12 $retry) }}
{{- fail (printf "config.renewDeadlineSeconds (%d) must be greater than 1.2 times config.retryPeriodSeconds (%d)" $deadline $retry) }}
{{- end }}
{{- end }}

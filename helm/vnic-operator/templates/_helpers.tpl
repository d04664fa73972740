{{/* SPDX-License-Identifier: Apache-2.0 */}}

{{- define "vnic-operator.name" -}}
{{ .Values.nameOverride | default .Chart.Name | trunc 63 | trimSuffix "-" }}
{{- end }}

{{/* What all names begin with: the release's name, with the chart's where that does not say it. */}}
{{- define "vnic-operator.fullname" -}}
{{- $name := include "vnic-operator.name" . -}}
{{- $full := contains $name .Release.Name | ternary .Release.Name (printf "%s-%s" .Release.Name $name) -}}
{{ .Values.fullnameOverride | default $full | trunc 40 | trimSuffix "-" }}
{{- end }}

{{/* Selectors cannot change, so these stay as they are over every upgrade. */}}
{{- define "vnic-operator.selectorLabels" -}}
app.kubernetes.io/name: {{ include "vnic-operator.name" . }}
app.kubernetes.io/instance: {{ .Release.Name }}
app.kubernetes.io/component: operator
{{- end }}

{{- define "vnic-operator.labels" -}}
helm.sh/chart: {{ printf "%s-%s" .Chart.Name .Chart.Version | replace "+" "_" | trunc 63 | trimSuffix "-" }}
app.kubernetes.io/name: {{ include "vnic-operator.name" . }}
app.kubernetes.io/instance: {{ .Release.Name }}
app.kubernetes.io/version: {{ .Chart.AppVersion | quote }}
app.kubernetes.io/part-of: vnic-operator
app.kubernetes.io/managed-by: {{ .Release.Service }}
{{- end }}

{{- define "vnic-operator.serviceAccountName" -}}
{{ .Values.serviceAccount.name | default (include "vnic-operator.fullname" .) }}
{{- end }}

{{- define "vnic-operator.image" -}}
{{- with .Values.image -}}
{{ .repository }}{{ if .digest }}@{{ .digest }}{{ else }}:{{ .tag | default $.Chart.AppVersion }}{{ end }}
{{- end -}}
{{- end }}

{{/* The operator's Pods, as the subject of a role binding. */}}
{{- define "vnic-operator.subject" -}}
kind: ServiceAccount
name: {{ include "vnic-operator.serviceAccountName" . }}
namespace: {{ .Release.Namespace }}
{{- end }}

{{/* What the operator needs to know wherever it runs, and the user's settings. */}}
{{- define "vnic-operator.env" -}}
- name: VNIC_OPERATOR_NAMESPACE
  valueFrom:
    fieldRef:
      fieldPath: metadata.namespace
{{- range $name, $value := .Values.config }}
- name: VNIC_OPERATOR_{{ snakecase $name | upper }}
  value: {{ kindIs "string" $value | ternary $value (toJson $value) | quote }}
{{- end }}
{{- end }}

{{/* Service, certificate and Secret of the webhook. */}}
{{- define "vnic-operator.webhookName" -}}
{{ include "vnic-operator.fullname" . }}-webhook
{{- end }}

{{/* The names under which the API server asks the webhook. */}}
{{- define "vnic-operator.webhookHosts" -}}
{{- $service := printf "%s.%s.svc" (include "vnic-operator.webhookName" .) .Release.Namespace -}}
- {{ $service }}
- {{ $service }}.cluster.local
{{- end }}

{{/*
The data of the webhook's Secret when the chart makes its certificate: what is in the cluster already,
or else a new one for ten years. Made once for each rendering, because
the configuration has to name the authority that signed it.
*/}}
{{- define "vnic-operator.webhookCertificate" -}}
{{- if not (hasKey . "webhookCertificate") }}
{{- $hosts := include "vnic-operator.webhookHosts" . | fromYamlArray }}
{{- $secret := lookup "v1" "Secret" .Release.Namespace (include "vnic-operator.webhookName" .) }}
{{- if and $secret (index $secret.data "ca.crt") (index $secret.data "tls.crt") (index $secret.data "tls.key") }}
{{- $_ := set . "webhookCertificate" (pick $secret.data "ca.crt" "tls.crt" "tls.key") }}
{{- else }}
{{- $ca := genCA (printf "%s-ca" (include "vnic-operator.webhookName" .)) 3650 }}
{{- $pair := genSignedCert (first $hosts) nil $hosts 3650 $ca }}
{{- $_ := set . "webhookCertificate" (dict "ca.crt" (b64enc $ca.Cert) "tls.crt" (b64enc $pair.Cert) "tls.key" (b64enc $pair.Key)) }}
{{- end }}
{{- end }}
{{- toYaml .webhookCertificate }}
{{- end }}

{{/* There is one node agent for a host, so its objects have fixed names. */}}
{{- define "vnic-operator.agentLabels" -}}
helm.sh/chart: {{ printf "%s-%s" .Chart.Name .Chart.Version | replace "+" "_" | trunc 63 | trimSuffix "-" }}
app.kubernetes.io/name: vnic-agent
app.kubernetes.io/version: {{ .Chart.AppVersion | quote }}
app.kubernetes.io/part-of: vnic-operator
app.kubernetes.io/managed-by: {{ .Release.Service }}
{{- end }}

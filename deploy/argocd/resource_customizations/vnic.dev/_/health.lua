-- SPDX-License-Identifier: Apache-2.0
-- Health of every vnic.dev kind, from the conditions that all of them have. The same answers as
-- kstatus gives, but for what has failed without anybody working on it: that is Degraded here.
local health = { status = "Progressing", message = "The operator has not seen this version yet" }

local function condition(name)
  for _, c in ipairs((obj.status or {}).conditions or {}) do
    if c.type == name then
      return c
    end
  end
  return {}
end

local ready = condition("Ready")
local message = (ready.reason or "") .. ": " .. (ready.message or "")
if (ready.message or "") == "" then
  message = ready.reason
end

if obj.metadata.deletionTimestamp ~= nil then
  health.message = "Is being deleted"
  if message ~= nil then
    health.message = health.message .. "; " .. message
  end
  return health
end

if (obj.metadata.annotations or {})["vnic.dev/paused"] == "true" then
  health.status = "Suspended"
  health.message = "Paused by the annotation vnic.dev/paused"
  return health
end

if ready.status == nil or obj.status.observedGeneration ~= obj.metadata.generation then
  return health
end

health.message = message
if ready.status == "True" then
  health.status = "Healthy"
elseif obj.status.phase == "Degraded" then
  -- The VM runs where it should, a NIC is missing; the operator goes on trying.
  health.status = "Degraded"
elseif condition("Reconciling").status == "True" or ready.status == "Unknown" then
  health.status = "Progressing"
else
  health.status = "Degraded"
end
return health

// SPDX-License-Identifier: Apache-2.0
#include <libvirt/virterror.h>

#include "hypervisor/libvirt/errors.h"
#include "hypervisor/libvirt/host_reading.h"

namespace vnic::hypervisor {
namespace {

// The numbers of one job, running or completed.
class JobStats {
 public:
  JobStats() = default;
  ~JobStats() { virTypedParamsFree(params_, count_); }
  JobStats(const JobStats&) = delete;
  JobStats& operator=(const JobStats&) = delete;

  bool read(virDomainPtr domain, unsigned flags) {
    return virDomainGetJobStats(domain, &type_, &params_, &count_, flags) == 0;
  }
  int type() const { return type_; }
  std::optional<std::int64_t> number(const char* name) const {
    unsigned long long value = 0;
    if (virTypedParamsGetULLong(params_, count_, name, &value) != 1) return std::nullopt;
    return static_cast<std::int64_t>(value);
  }
  bool isMigration() const {
    int operation = VIR_DOMAIN_JOB_OPERATION_UNKNOWN;
    virTypedParamsGetInt(params_, count_, VIR_DOMAIN_JOB_OPERATION, &operation);
    return operation == VIR_DOMAIN_JOB_OPERATION_MIGRATION_OUT ||
           operation == VIR_DOMAIN_JOB_OPERATION_MIGRATION_IN;
  }

 private:
  int type_ = VIR_DOMAIN_JOB_NONE;
  virTypedParameterPtr params_ = nullptr;
  int count_ = 0;
};

}  // namespace

Result<JobProgress> readProgress(virConnectPtr connection, const std::string& uuid) {
  const auto domain = lookUp(connection, uuid);
  if (!domain) return fail(domain.error());
  JobProgress progress;
  JobStats running;
  if (!running.read(domain->get(), 0)) {
    // The target of a migration does not know its numbers; that it does not is what tells.
    if (virGetLastErrorCode() == VIR_ERR_OPERATION_UNSUPPORTED) {
      progress.active = true;
      return progress;
    }
    // Not running: no job either.
    if (virGetLastErrorCode() == VIR_ERR_OPERATION_INVALID) return progress;
    return failLast("read the job");
  }
  const bool going =
      running.type() == VIR_DOMAIN_JOB_BOUNDED || running.type() == VIR_DOMAIN_JOB_UNBOUNDED;
  if (going && running.isMigration()) {
    progress.active = true;
    progress.dataTotalBytes = running.number(VIR_DOMAIN_JOB_DATA_TOTAL).value_or(0);
    progress.dataProcessedBytes = running.number(VIR_DOMAIN_JOB_DATA_PROCESSED).value_or(0);
    progress.dataRemainingBytes = running.number(VIR_DOMAIN_JOB_DATA_REMAINING).value_or(0);
    progress.iteration =
        static_cast<int>(running.number(VIR_DOMAIN_JOB_MEMORY_ITERATION).value_or(0));
    return progress;
  }
  JobStats completed;
  if (completed.read(domain->get(),
                     VIR_DOMAIN_JOB_STATS_COMPLETED | VIR_DOMAIN_JOB_STATS_KEEP_COMPLETED) &&
      completed.isMigration()) {
    progress.downtimeMilliseconds = completed.number(VIR_DOMAIN_JOB_DOWNTIME);
  }
  return progress;
}

}  // namespace vnic::hypervisor

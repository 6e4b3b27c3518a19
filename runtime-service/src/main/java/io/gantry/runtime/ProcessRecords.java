package io.gantry.runtime;

import com.google.protobuf.ByteString;
import io.gantry.runtime.state.ProcessRecord;
import io.gantry.sandbox.CapabilitySets;
import io.gantry.sandbox.ContainerUser;
import io.gantry.sandbox.ProcessSpec;
import io.gantry.sandbox.SeccompFilter;
import java.util.List;

/** A container's process on disk and back: an exec after a restart of the daemon starts from what the container really has. */
final class ProcessRecords {
    private ProcessRecords() {}

    static ProcessRecord of(ProcessSpec process) {
        ProcessRecord.Builder record = ProcessRecord.newBuilder()
                .setCwd(process.workingDirectory())
                .setUid(process.user().uid())
                .setGid(process.user().gid())
                .setHome(process.user().home())
                .setBounding(process.capabilities().bounding())
                .setPermitted(process.capabilities().permitted())
                .setEffective(process.capabilities().effective())
                .setInheritable(process.capabilities().inheritable())
                .setAmbient(process.capabilities().ambient())
                .setNoNewPrivs(process.noNewPrivileges());
        process.arguments().forEach(argument -> record.addArgs(ByteString.copyFromUtf8(argument)));
        process.environment().forEach(variable -> record.addEnv(ByteString.copyFrom(variable)));
        process.user().groups().forEach(record::addGroups);
        SeccompFilter seccomp = process.seccomp();
        if (seccomp != null) {
            record.setSeccomp(ByteString.copyFrom(seccomp.program())).addAllSeccompFlags(seccomp.flags());
        }
        Integer score = process.oomScoreAdjust();
        if (score != null) {
            record.setOomScoreAdj(score).setOomScoreAdjSet(true);
        }
        String apparmor = process.apparmor();
        if (apparmor != null) {
            record.setApparmor(apparmor);
        }
        String selinux = process.selinux();
        if (selinux != null) {
            record.setSelinux(selinux);
        }
        return record.setTty(process.terminal()).build();
    }

    static ProcessSpec.Builder of(ProcessRecord record) {
        List<Integer> groups =
                record.getGroupsList().stream().map(Long::intValue).toList();
        return ProcessSpec.builder(record.getArgsList().stream()
                        .map(ByteString::toStringUtf8)
                        .toList())
                .environment(record.getEnvList().stream()
                        .map(ByteString::toByteArray)
                        .toList())
                .workingDirectory(record.getCwd())
                .user(new ContainerUser((int) record.getUid(), (int) record.getGid(), groups, record.getHome()))
                .capabilities(new CapabilitySets(
                        record.getBounding(),
                        record.getPermitted(),
                        record.getEffective(),
                        record.getInheritable(),
                        record.getAmbient()))
                .noNewPrivileges(record.getNoNewPrivs())
                .seccomp(
                        record.getSeccomp().isEmpty()
                                ? null
                                : new SeccompFilter(record.getSeccomp().toByteArray(), record.getSeccompFlagsList()))
                .oomScoreAdjust(record.getOomScoreAdjSet() ? record.getOomScoreAdj() : null, true)
                .apparmor(record.getApparmor().isEmpty() ? null : record.getApparmor())
                .selinux(record.getSelinux().isEmpty() ? null : record.getSelinux())
                .terminal(record.getTty());
    }
}

#include "vedette/node/machine.h"

#include <gtest/gtest.h>

#include <fstream>

#include "vedette/node/testing.h"

namespace vedette::node {
namespace {

using testing::TemporaryFolder;

/// A folder that stands for "/".
class MachineTest : public ::testing::Test {
 public:
  void write(const std::string& path, const std::string& text) const {
    std::filesystem::create_directories(std::filesystem::path(root.path(path)).parent_path());
    std::ofstream(root.path(path)) << text;
  }
  Machine machine() const { return Machine(root.path()); }
  TemporaryFolder root;
};

TEST_F(MachineTest, HasWhatTheSystemHasWithoutLimits) {
  write("proc/meminfo", "MemTotal:        1024 kB\nMemFree:  10 kB\n");
  write("proc/self/cgroup", "0::/\n");
  write("sys/fs/cgroup/cpu.max", "max 100000\n");
  write("sys/fs/cgroup/memory.max", "max\n");
  EXPECT_EQ(machine().memory_bytes(), 1024.0 * 1024);
  EXPECT_GE(machine().cores(), 1);
}

TEST_F(MachineTest, TakesTheLeastOfItsGroupAndThoseAbove) {
  write("proc/meminfo", "MemTotal:        4096 kB\n");
  write("proc/self/cgroup", "0::/a/b\n");
  write("sys/fs/cgroup/cpu.max", "max 100000\n");
  write("sys/fs/cgroup/a/cpu.max", "50000 100000\n");
  write("sys/fs/cgroup/a/b/cpu.max", "80000 100000\n");
  write("sys/fs/cgroup/a/memory.max", "2097152\n");
  write("sys/fs/cgroup/a/b/memory.max", "max\n");
  EXPECT_DOUBLE_EQ(machine().cores(), 0.5);
  EXPECT_DOUBLE_EQ(machine().memory_bytes(), 2097152);
}

TEST_F(MachineTest, ReadsTheFirstGenerationToo) {
  write("proc/meminfo", "MemTotal:        4096 kB\n");
  write("proc/self/cgroup", "12:memory:/docker/x\n3:cpu,cpuacct:/docker/x\n1:name=systemd:/y\n");
  write("sys/fs/cgroup/cpu/cpu.cfs_quota_us", "25000\n");  // a container sees its own group as the mount
  write("sys/fs/cgroup/cpu/cpu.cfs_period_us", "100000\n");
  write("sys/fs/cgroup/memory/memory.limit_in_bytes", "1048576\n");
  EXPECT_DOUBLE_EQ(machine().cores(), 0.25);
  EXPECT_DOUBLE_EQ(machine().memory_bytes(), 1048576);
}

TEST_F(MachineTest, NoLimitOfTheFirstGenerationIsNone) {
  write("proc/meminfo", "MemTotal:        4096 kB\n");
  write("proc/self/cgroup", "12:memory:/\n3:cpu:/\n");
  write("sys/fs/cgroup/cpu/cpu.cfs_quota_us", "-1\n");
  write("sys/fs/cgroup/cpu/cpu.cfs_period_us", "100000\n");
  write("sys/fs/cgroup/memory/memory.limit_in_bytes", "9223372036854771712\n");
  EXPECT_GE(machine().cores(), 1);
  EXPECT_DOUBLE_EQ(machine().memory_bytes(), 4096.0 * 1024);
}

TEST_F(MachineTest, CountsTheCoresInUse) {
  write("proc/stat", "cpu  100 0 100 1000 50 0 0 0 0 0\ncpu0 1 1 1 1\n");
  auto m = machine();
  EXPECT_EQ(m.load(MonotonicTime{std::chrono::seconds(1)}).machine_cpu, 0);
  const double ticks = static_cast<double>(::sysconf(_SC_CLK_TCK));
  write("proc/stat", "cpu  " + std::to_string(100 + static_cast<int>(ticks * 3)) + " 0 100 1000 50 0 0 0 0 0\n");
  EXPECT_DOUBLE_EQ(m.load(MonotonicTime{std::chrono::seconds(3)}).machine_cpu, 1.5);
}

TEST(BusySeconds, LeaveIdleAndWaitingOut) {
  EXPECT_DOUBLE_EQ(busy_seconds("cpu  1 2 4 1000 2000 8 16 32 64 128\ncpu0 9 9 9 9\n", 1), 63);
  EXPECT_DOUBLE_EQ(busy_seconds("cpu  1 2 4\n", 1), 7);
  EXPECT_DOUBLE_EQ(busy_seconds("", 1), 0);
}

TEST(CoreSpeed, IsMeasured) {
  const double speed = measure_core_speed();
  EXPECT_GT(speed, 0.001);
  EXPECT_LT(speed, 1000);
}

}  // namespace
}  // namespace vedette::node

#include "coordinator/store/store.h"

#include <stdlib.h>

#include <filesystem>
#include <fstream>

#include "absl/strings/str_cat.h"
#include "coordinator/store/artifact_inbox.h"
#include "coordinator/store/artifacts.h"
#include "coordinator/store/campaigns.h"
#include "coordinator/store/hosts.h"
#include "coordinator/store/leases.h"
#include "coordinator/store/results.h"
#include "coordinator/store/runs.h"
#include "coordinator/store/schema.h"
#include "coordinator/store/telemetry.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace feedfarm {
namespace {

using ::testing::HasSubstr;

class StoreTest : public testing::Test {
 protected:
  StoreTest() {
    dir_ = std::filesystem::path(testing::TempDir()) /
           absl::StrCat("store-", testing::UnitTest::GetInstance()->current_test_info()->name());
    std::filesystem::remove_all(dir_);
    std::filesystem::create_directories(dir_);
  }
  ~StoreTest() override { std::filesystem::remove_all(dir_); }
  std::string path() const { return (dir_ / "feedfarm.db").string(); }

  void Open() {
    store_.reset();
    auto store = Store::Open(path());
    ASSERT_TRUE(store.ok()) << store.status();
    store_ = *std::move(store);
  }
  template <class Fn>
  auto Read(Fn fn) {
    std::decay_t<decltype(*fn(std::declval<Database&>()))> value{};
    const absl::Status status = store_->Read([&](Database& database) -> absl::Status {
      auto read = fn(database);
      if (read.ok()) value = *std::move(read);
      return read.status();
    });
    EXPECT_TRUE(status.ok()) << status;
    return value;
  }
  void AddRun() {
    record::CampaignRecord campaign;
    campaign.set_campaign_id("c1");
    campaign.set_idempotency_key("key");
    record::RunRecord run;
    run.set_run_id("c1.r1");
    run.set_campaign_id("c1");
    ASSERT_TRUE(store_
                    ->Write([&](Database& database) {
                      const absl::Status put = PutCampaign(database, campaign);
                      return put.ok() ? PutRun(database, run) : put;
                    })
                    .ok());
  }

  std::filesystem::path dir_;
  std::unique_ptr<Store> store_;
};

TEST_F(StoreTest, KeepsEveryTableOverAReopen) {
  Open();
  AddRun();
  v1::RunResult result;
  result.set_verdict(v1::VERDICT_PASSED);
  record::HostRecord host;
  host.set_name("dut");
  record::LeaseRecord lease;
  lease.set_host("dut");
  lease.set_epoch(7);
  lease.set_run_id("c1.r1");
  record::ArtifactRecord artifact;
  artifact.set_run_id("c1.r1");
  artifact.set_role(v1::ROLE_HANDLER);
  artifact.set_name("handler.log");
  artifact.set_size_bytes(3);
  v1::TelemetryInterval interval;
  interval.set_run_id("c1.r1");
  interval.set_role(v1::ROLE_HANDLER);
  interval.set_sequence(2);
  ASSERT_TRUE(store_
                  ->Write([&](Database& d) -> absl::Status {
                    for (const absl::Status& status :
                         {AddResult(d, "c1.r1", result), PutHost(d, host), PutLease(d, lease), PutArtifact(d, artifact),
                          AddInterval(d, interval), AddInterval(d, interval)}) {
                      if (!status.ok()) return status;
                    }
                    return absl::OkStatus();
                  })
                  .ok());
  Open();
  EXPECT_EQ(Read([](Database& d) { return AllCampaigns(d); })[0].campaign_id(), "c1");
  EXPECT_EQ(Read([](Database& d) { return AllRuns(d); })[0].run_id(), "c1.r1");
  EXPECT_EQ(Read([](Database& d) { return ResultOf(d, "c1.r1"); }).verdict(), v1::VERDICT_PASSED);
  EXPECT_EQ(Read([](Database& d) { return AllHosts(d); })[0].name(), "dut");
  EXPECT_EQ(Read([](Database& d) { return AllLeases(d); })[0].epoch(), 7u);
  EXPECT_EQ(Read([](Database& d) { return ArtifactsOf(d, "c1.r1"); })[0].name(), "handler.log");
  EXPECT_EQ(Read([](Database& d) { return IntervalsOf(d, "c1.r1"); }).size(), 1u) << "a second copy is none";
  EXPECT_EQ(Read([](Database& d) { return CampaignOfKey(d, "key"); }), "c1");
  EXPECT_EQ(Read([](Database& d) { return NextCampaignNumber(d); }), 2u);
}

TEST_F(StoreTest, AFailedChangeLeavesNothing) {
  Open();
  EXPECT_FALSE(store_
                   ->Write([](Database& database) -> absl::Status {
                     record::HostRecord host;
                     host.set_name("dut");
                     EXPECT_TRUE(PutHost(database, host).ok());
                     return absl::InternalError("no");
                   })
                   .ok());
  EXPECT_TRUE(Read([](Database& d) { return AllHosts(d); }).empty());
}

TEST_F(StoreTest, AResultIsNeverReplaced) {
  Open();
  AddRun();
  const v1::RunResult result;
  ASSERT_TRUE(store_->Write([&](Database& d) { return AddResult(d, "c1.r1", result); }).ok());
  EXPECT_EQ(store_->Write([&](Database& d) { return AddResult(d, "c1.r1", result); }).code(),
            absl::StatusCode::kAlreadyExists);
}

TEST_F(StoreTest, AnEpochNeverFalls) {
  Open();
  record::LeaseRecord lease;
  lease.set_host("dut");
  lease.set_epoch(7);
  ASSERT_TRUE(store_->Write([&](Database& d) { return PutLease(d, lease); }).ok());
  lease.set_epoch(6);
  EXPECT_EQ(store_->Write([&](Database& d) { return PutLease(d, lease); }).code(), absl::StatusCode::kFailedPrecondition);
}

TEST_F(StoreTest, TwoCampaignsNeverShareAKey) {
  Open();
  AddRun();
  record::CampaignRecord other;
  other.set_campaign_id("c2");
  other.set_idempotency_key("key");
  EXPECT_FALSE(store_->Write([&](Database& d) { return PutCampaign(d, other); }).ok());
}

TEST_F(StoreTest, BringsAnOlderSchemaUpToDate) {
  {
    auto database = Database::Open(path());
    ASSERT_TRUE(database.ok());
    ASSERT_TRUE(Migrate(**database).ok());
    ASSERT_TRUE((*database)->Execute("DROP TABLE telemetry; PRAGMA user_version=1").ok());
  }
  Open();
  EXPECT_TRUE(Read([](Database& d) { return IntervalsOf(d, "c1.r1"); }).empty());
}

TEST_F(StoreTest, RefusesANewerSchema) {
  {
    auto database = Database::Open(path());
    ASSERT_TRUE(database.ok());
    ASSERT_TRUE((*database)->Execute("PRAGMA user_version=99").ok());
  }
  const auto store = Store::Open(path());
  EXPECT_EQ(store.status().code(), absl::StatusCode::kFailedPrecondition);
  EXPECT_THAT(std::string(store.status().message()), HasSubstr("newer build"));
}

TEST_F(StoreTest, ACorruptFileIsAClearError) {
  std::ofstream(path()) << std::string(8192, 'x');
  const auto store = Store::Open(path());
  EXPECT_EQ(store.status().code(), absl::StatusCode::kDataLoss);
  EXPECT_THAT(std::string(store.status().message()), HasSubstr(path()));
  EXPECT_THAT(std::string(store.status().message()), HasSubstr("move it away"));
}

TEST_F(StoreTest, ADamagedPageIsFoundAtOpen) {
  Open();
  AddRun();
  store_.reset();
  {
    std::fstream file(path(), std::ios::in | std::ios::out | std::ios::binary);
    file.seekp(4096);
    file << std::string(4096, '\xff');
  }
  EXPECT_EQ(Store::Open(path()).status().code(), absl::StatusCode::kDataLoss);
}

TEST_F(StoreTest, CampaignIdsAreNumbersBehindAC) {
  EXPECT_EQ(CampaignNumber("c12"), 12u);
  for (const char* bad : {"", "c", "c0", "c01", "x1", "c1x", "c-1", "c+1", "c 1", "c99999999999999999999999"}) {
    EXPECT_EQ(CampaignNumber(bad), 0u) << bad;
  }
}

class ArtifactInboxTest : public StoreTest {
 protected:
  void SetUp() override {
    Open();
    AddRun();
    auto inbox = ArtifactInbox::Create(dir_ / "artifacts", store_.get());
    ASSERT_TRUE(inbox.ok()) << inbox.status();
    inbox_ = *std::move(inbox);
  }
  absl::StatusOr<v1::ArtifactReceipt> Upload(v1::Role role, const std::string& name, const std::string& content) {
    auto upload = inbox_->Begin("c1.r1", role, name);
    if (!upload.ok()) return upload.status();
    const absl::Status written = (*upload)->Write(content);
    if (!written.ok()) return written;
    return (*upload)->Commit();
  }
  std::string Content(const std::string& name) {
    std::ifstream file(dir_ / "artifacts" / "c1.r1" / name);
    return {std::istreambuf_iterator<char>(file), {}};
  }
  std::unique_ptr<ArtifactInbox> inbox_;
};

TEST_F(ArtifactInboxTest, KeepsAFileWithItsSizeAndDigest) {
  const auto receipt = Upload(v1::ROLE_HANDLER, "handler.log", "abc");
  ASSERT_TRUE(receipt.ok()) << receipt.status();
  EXPECT_EQ(receipt->size_bytes(), 3u);
  EXPECT_EQ(receipt->digest(), "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
  EXPECT_EQ(Content("handler.log"), "abc");
}

TEST_F(ArtifactInboxTest, ASecondUploadReplacesTheFirst) {
  ASSERT_TRUE(Upload(v1::ROLE_HANDLER, "handler.log", "abc").ok());
  ASSERT_TRUE(Upload(v1::ROLE_HANDLER, "handler.log", "xyz").ok());
  EXPECT_EQ(Content("handler.log"), "xyz");
}

TEST_F(ArtifactInboxTest, BothRolesMayHaveAFileOfOneName) {
  ASSERT_TRUE(Upload(v1::ROLE_HANDLER, "agent.log", "h").ok());
  ASSERT_TRUE(Upload(v1::ROLE_SOURCE, "agent.log", "s").ok());
  EXPECT_EQ(Content("agent.log"), "h");
  EXPECT_EQ(Content("source-agent.log"), "s");
}

TEST_F(ArtifactInboxTest, NamesCannotLeaveTheFolder) {
  for (const char* name : {"", ".", "..", "../x", "a/b", "/etc/passwd", ".hidden", "a b", "a\nb"}) {
    EXPECT_EQ(Upload(v1::ROLE_HANDLER, name, "x").status().code(), absl::StatusCode::kInvalidArgument) << name;
  }
  EXPECT_FALSE(IsPlainFileName(std::string_view("a\0b", 3)));
  EXPECT_FALSE(IsPlainFileName(std::string(200, 'a')));
}

TEST_F(ArtifactInboxTest, AFileHasABound) {
  auto upload = inbox_->Begin("c1.r1", v1::ROLE_HANDLER, "big");
  ASSERT_TRUE(upload.ok());
  const std::string piece(64 << 20, 'x');
  for (int i = 0; i < 4; ++i) ASSERT_TRUE((*upload)->Write(piece).ok());
  EXPECT_EQ((*upload)->Write("x").code(), absl::StatusCode::kResourceExhausted);
}

TEST_F(ArtifactInboxTest, AnUnfinishedUploadLeavesNothing) {
  { ASSERT_TRUE((*inbox_->Begin("c1.r1", v1::ROLE_HANDLER, "half"))->Write("x").ok()); }
  EXPECT_TRUE(std::filesystem::is_empty(dir_ / "artifacts" / ".incoming"));
  EXPECT_FALSE(std::filesystem::exists(dir_ / "artifacts" / "c1.r1"));
}

}  // namespace
}  // namespace feedfarm

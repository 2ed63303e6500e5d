#pragma once

#include "gtest/gtest.h"
#include "tests/support/lab.h"

namespace feedfarm {

// One lab for all cases of a suite: what one of them leaves behind, the next ones would meet. Skipped where no lab can
// be.
class LabTest : public ::testing::Test {
 protected:
  static void SetUpTestSuite() {
    if (LabUnavailable()) return;
    auto lab = Lab::Create();
    ASSERT_TRUE(lab.ok()) << lab.status();
    lab_ = lab->release();
  }
  static void TearDownTestSuite() {
    delete lab_;
    lab_ = nullptr;
  }
  void SetUp() override {
    if (auto reason = LabUnavailable()) GTEST_SKIP() << *reason;
    ASSERT_NE(lab_, nullptr);
  }

  static inline Lab* lab_ = nullptr;
};

// And each case leaves the hosts as they were.
class CleanLabTest : public LabTest {
 protected:
  void TearDown() override {
    if (lab_ == nullptr) return;
    EXPECT_EQ(lab_->Residue(), "");
  }
};

}  // namespace feedfarm

#include "coordinator/campaign/yaml_tree.h"

#include <yaml-cpp/eventhandler.h>
#include <yaml-cpp/exceptions.h>
#include <yaml-cpp/mark.h>
#include <yaml-cpp/parser.h>

#include <map>
#include <sstream>
#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/strings/string_view.h"
#include "coordinator/campaign/units.h"

namespace feedfarm {
namespace {

constexpr size_t kDepthMax = 32;
constexpr size_t kNodesMax = 100'000;
// Keys are looked up one by one.
constexpr size_t kFieldsMax = 1'000;

Position PositionOf(const YAML::Mark& mark) {
  if (mark.is_null()) return {};
  return {static_cast<uint32_t>(mark.line) + 1, static_cast<uint32_t>(mark.column) + 1};
}

// Builds the tree from yaml-cpp's events. The only way to stop that parser is an exception: a bound that is passed is
// thrown as its own kind of error.
class TreeBuilder final : public YAML::EventHandler {
 public:
  explicit TreeBuilder(Diagnostics& diagnostics) : diagnostics_(diagnostics) {}

  YamlPtr root() const { return root_; }

  void OnDocumentStart(const YAML::Mark&) override {}
  void OnDocumentEnd() override {}

  void OnNull(const YAML::Mark& mark, YAML::anchor_t anchor) override {
    Place(Start(YamlNode::Kind::kNull, mark), anchor, mark);
  }

  void OnAlias(const YAML::Mark& mark, YAML::anchor_t anchor) override {
    const auto found = anchors_.find(anchor);
    if (found == anchors_.end()) throw YAML::ParserException(mark, "an alias inside the value that it names");
    Attach(found->second, mark);
  }

  void OnScalar(const YAML::Mark& mark, const std::string& tag, YAML::anchor_t anchor,
                const std::string& value) override {
    auto node = Start(YamlNode::Kind::kScalar, mark);
    node->scalar = value;
    node->quoted = tag == "!";
    Place(std::move(node), anchor, mark);
  }

  void OnSequenceStart(const YAML::Mark& mark, const std::string&, YAML::anchor_t anchor,
                       YAML::EmitterStyle::value) override {
    Push(YamlNode::Kind::kSequence, mark, anchor);
  }
  void OnSequenceEnd() override { Pop(); }

  void OnMapStart(const YAML::Mark& mark, const std::string&, YAML::anchor_t anchor,
                  YAML::EmitterStyle::value) override {
    Push(YamlNode::Kind::kMap, mark, anchor);
  }
  void OnMapEnd() override { Pop(); }

 private:
  struct Frame {
    std::shared_ptr<YamlNode> node;
    YAML::anchor_t anchor = 0;
    YAML::Mark mark;
    // In a map: the key that waits for its value.
    bool has_key = false;
    bool key_usable = false;
    std::string key;
    Position key_position;
  };

  static std::shared_ptr<YamlNode> Start(YamlNode::Kind kind, const YAML::Mark& mark) {
    auto node = std::make_shared<YamlNode>();
    node->kind = kind;
    node->position = PositionOf(mark);
    return node;
  }

  void Push(YamlNode::Kind kind, const YAML::Mark& mark, YAML::anchor_t anchor) {
    if (frames_.size() >= kDepthMax) throw YAML::ParserException(mark, "more than 32 levels deep");
    Frame frame;
    frame.node = Start(kind, mark);
    frame.anchor = anchor;
    frame.mark = mark;
    frames_.push_back(std::move(frame));
  }

  void Pop() {
    Frame frame = std::move(frames_.back());
    frames_.pop_back();
    Place(std::move(frame.node), frame.anchor, frame.mark);
  }

  void Place(std::shared_ptr<YamlNode> node, YAML::anchor_t anchor, const YAML::Mark& mark) {
    if (anchor != 0) anchors_[anchor] = node;
    Attach(std::move(node), mark);
  }

  void Attach(YamlPtr node, const YAML::Mark& mark) {
    if (frames_.empty()) {
      root_ = std::move(node);
      return;
    }
    Frame& frame = frames_.back();
    frame.node->weight += node->weight;
    if (frame.node->weight > kNodesMax) throw YAML::ParserException(mark, "more than 100000 values, aliases expanded");
    if (frame.node->kind == YamlNode::Kind::kSequence) {
      frame.node->items.push_back(std::move(node));
    } else if (!frame.has_key) {
      if (frame.node->entries.size() >= kFieldsMax)
        throw YAML::ParserException(mark, "more than 1000 fields in one map");
      TakeKey(frame, *node, PositionOf(mark));
    } else {
      if (frame.key_usable) frame.node->entries.push_back({std::move(frame.key), frame.key_position, std::move(node)});
      frame.has_key = false;
    }
  }

  void TakeKey(Frame& frame, const YamlNode& node, Position position) {
    frame.has_key = true;
    frame.key_usable = false;
    frame.key = node.scalar;
    frame.key_position = position;
    if (node.kind != YamlNode::Kind::kScalar) {
      diagnostics_.Add(position, absl::StrCat("a field's name must be text, not ", KindName(node.kind)));
    } else if (const YamlNode::Entry* first = frame.node->Find(node.scalar)) {
      diagnostics_.Add(position, absl::StrCat("field ", Quoted(node.scalar), " is given twice; first on line ",
                                              first->key_position.line));
    } else {
      frame.key_usable = true;
    }
  }

  Diagnostics& diagnostics_;
  std::vector<Frame> frames_;
  std::map<YAML::anchor_t, YamlPtr> anchors_;
  YamlPtr root_;
};

}  // namespace

const YamlNode::Entry* YamlNode::Find(absl::string_view key) const {
  for (const Entry& entry : entries) {
    if (entry.key == key) return &entry;
  }
  return nullptr;
}

absl::string_view KindName(YamlNode::Kind kind) {
  switch (kind) {
    case YamlNode::Kind::kNull:
      return "nothing";
    case YamlNode::Kind::kScalar:
      return "a single value";
    case YamlNode::Kind::kSequence:
      return "a list";
    case YamlNode::Kind::kMap:
      return "a map";
  }
  return "?";
}

YamlPtr ParseYaml(absl::string_view text, Diagnostics& diagnostics) {
  try {
    std::istringstream stream{std::string(text)};
    YAML::Parser parser(stream);
    TreeBuilder builder(diagnostics);
    if (!parser.HandleNextDocument(builder) || builder.root() == nullptr) {
      diagnostics.Add({}, "the file is empty");
      return nullptr;
    }
    TreeBuilder second(diagnostics);
    if (parser.HandleNextDocument(second)) {
      diagnostics.Add({}, "the file has more than one YAML document (\"---\")");
      return nullptr;
    }
    return builder.root();
  } catch (const YAML::Exception& error) {
    diagnostics.Add(PositionOf(error.mark), absl::StrCat("not YAML: ", error.msg));
  } catch (const std::exception& error) {
    diagnostics.Add({}, absl::StrCat("not YAML: ", error.what()));
  }
  return nullptr;
}

}  // namespace feedfarm

using System.Collections.Immutable;
using PostTrainGate.Data;
using PostTrainGate.Evaluations;
using PostTrainGate.Gating;
using Xunit;
using static TorchSharp.torch;

namespace PostTrainGate.Tests;

public sealed class HarmPanelTests
{
    // Between levels that are the classes, parity is the rate of true positives less that of false ones: 1 for a perfect
    // model.
    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public void A_group_of_the_label_is_no_measure_of_harm(bool isLabel)
    {
        const int rows = 200;
        long[] labels = [.. Enumerable.Range(0, rows).Select(i => i % 2L)];
        var levels = labels.Select((y, i) => isLabel || i % 3 > 0 ? (int)y : 1 - (int)y);
        var group = new GroupColumn("g", ["0", "1"], [.. levels], 1, ["y"]);
        using var data = new EvaluationSet(
            tensor(labels).to(float32).unsqueeze(1),
            tensor(labels),
            ["0", "1"],
            ImmutableDictionary<string, GroupColumn>.Empty.Add("g", group),
            null,
            1
        );
        using var never = new FunctionClassifier([1], 2, x => cat([x * 0 + 1, x * 0], 1));
        using var perfect = new FunctionClassifier([1], 2, x => cat([0.5 - x, x - 0.5], 1));
        using var before = new Evaluation(never, data);
        using var after = new Evaluation(perfect, data);
        GatePolicy policy = new()
        {
            File = "posttraingate.yml",
            Folder = "",
            Data = new() { Source = new("", "", default) },
            Gates = [],
            Repair = new(),
        };
        var harm = new HarmPanel(before, policy).Compare(after);
        Assert.Equal(!isLabel, harm.Any(h => h.Title.Contains("by g", StringComparison.Ordinal)));
        Assert.Equal(!isLabel, harm.Any(h => h.Standing == HarmStanding.Blocks));
        Assert.Equal(2, harm.Count(h => h.Title.StartsWith("accuracy of class", StringComparison.Ordinal)));
    }
}

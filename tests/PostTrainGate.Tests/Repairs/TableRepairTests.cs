using PostTrainGate.Attacks;
using PostTrainGate.Data;
using PostTrainGate.Gating;
using PostTrainGate.Models;
using PostTrainGate.Policy;
using PostTrainGate.Reading;
using PostTrainGate.Repairs;
using Xunit;
using static TorchSharp.torch;

namespace PostTrainGate.Tests.Repairs;

/// <summary>Repairs against attacks on the rows of a table, on the credit sample.</summary>
public sealed class TableRepairTests(ITestOutputHelper output) : IDisposable
{
    private readonly TemporaryFolder _folder = new();

    public void Dispose() => _folder.Dispose();

    [Fact]
    public void Tuning_on_rows_that_the_table_could_hold_withstands_a_search_among_them()
    {
        var (policy, data, source) = Credit();
        using var _ = data;
        using var __ = source;
        using var form = new TabularConstraints(data.Repair.Layout!, 1, source.Input);
        var ball = new Budget(Norm.Linf, 0.05, 0, 1);
        var (before, plain, formed) = (Robust(source), Tuned(ball), Tuned(ball with { Form = form }));
        output.WriteLine($"before {before}, tuned in the ball {plain}, on rows of the table {formed}");
        Assert.True(formed > before + 0.15);
        Assert.True(formed > plain + 0.05);

        double Tuned(Budget budget)
        {
            var recipe = new Adversarial { Budgets = [budget] };
            recipe = recipe with { Schedule = recipe.Schedule with { Steps = 400, LearningRate = 0.02 } };
            using var selection = Selection(source, data, policy);
            using var repaired = ModelTransform
                .Run(recipe.Recipe(source), new(source, data.Repair, 1, selection))
                .Model;
            return Robust(repaired);
        }

        double Robust(OnnxClassifier model)
        {
            var settings = new AttackSettings(Named.Attack("table_search"), Norm.Linf, 0.05) { Categories = 1 };
            using var outcome = AttackHarness.Run(model, data.Test, new(settings, 1));
            return outcome.RobustAccuracy;
        }
    }

    [Fact]
    public void A_model_that_says_the_same_of_every_row_is_no_repair()
    {
        var (policy, data, source) = Credit();
        using var _ = data;
        using var __ = source;
        using var selection = Selection(source, data, policy);
        using var same = source.Clone();
        using (no_grad())
        {
            foreach (var weight in same.Parameters.Values)
                weight.zero_();
            same.Parameters.Values.Single(w => w.dim() == 1 && w.shape[0] == 2)[data.Select.Favorable].fill_(1);
        }

        Assert.True(selection.Source.Admissible);
        var score = selection.Score(same);
        Assert.InRange(score.Accuracy, selection.Source.Accuracy - 0.05, 1);
        Assert.False(score.Admissible);
    }

    private static Selection Selection(OnnxClassifier source, DataSplits data, GatePolicy policy) =>
        new(source, data.Select, policy, policy.Gates, data.Test.Count, TestContext.Current.CancellationToken);

    private (GatePolicy Policy, DataSplits Data, OnnxClassifier Source) Credit()
    {
        foreach (var file in new[] { "model.onnx", "credit.csv" })
            File.Copy(Path.Combine(Fixtures.Repository, "samples", "credit", file), _folder.Path(file));
        var (policy, diagnostics) = PolicyReader.Read(
            _folder.Write(
                "posttraingate.yml",
                """
                version: 1
                seed: 3
                model: model.onnx
                data:
                  source: credit.csv
                  label: credit
                  favorable: good
                  features: { except: [personal_status], scale: minmax, immutable: [age] }
                  splits: { repair: 40%, select: 20%, test: 40% }
                gates: [robust_accuracy: { attack: table_search, epsilon: 0.05, categories: 1, min: 0.55 }]
                repair: { max_accuracy_drop: 0.05 }
                """
            )
        );
        Assert.Empty(diagnostics);
        return (policy!, DataReader.Read(policy!), OnnxClassifier.Load(_folder.Path("model.onnx"), policy!.Input));
    }
}

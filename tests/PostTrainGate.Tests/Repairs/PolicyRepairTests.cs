using PostTrainGate.Attacks;
using PostTrainGate.Metrics;
using PostTrainGate.Models;
using PostTrainGate.Policy;
using PostTrainGate.Repairs;
using Xunit;
using static TorchSharp.torch;

namespace PostTrainGate.Tests.Repairs;

/// <summary>What plans are made of.</summary>
public class PolicyRepairTests
{
    [Fact]
    public void What_the_policy_accepts_is_not_tuned_against()
    {
        using var toy = new RepairToy(RepairToy.Parity);
        string[] guarded = ["equal_opportunity_difference", "average_absolute_odds_difference", "rate_minimum"];
        Assert.All(guarded, name => Assert.Contains(name, Gates([])));
        var accepted = Gates([HarmKind.EqualOpportunityDifference]);
        Assert.DoesNotContain(guarded[0], accepted);
        Assert.Contains(guarded[1], accepted);
        Assert.Equal("statistical_parity_difference", Gates([.. Enum.GetValues<HarmKind>()]));

        string Gates(HarmKind[] accept)
        {
            var context = toy.Context with { Accept = [.. accept] };
            var plan = Assert.IsType<RecipePlan>(new PolicyRepair().Plan(context).First());
            return plan.Make(context).Notes["gates"];
        }
    }

    [Theory]
    [InlineData(1, false, "lr 0.1")]
    [InlineData(6, false, "lr 0.02")]
    [InlineData(6, true, "lr 0.1")]
    public void A_deep_network_that_cannot_be_normalized_is_tuned_in_shorter_steps(
        int convolutions,
        bool haveBiases,
        string rate
    )
    {
        using var scope = NewDisposeScope();
        using var random = new Generator(1);
        OnnxWriter w = new([1, 28, 28]);
        for (var i = 0; i < convolutions; i++)
        {
            // Values stay of one size, so that both engines round alike.
            var weight = randn(2, i == 0 ? 1 : 2, 3, 3, generator: random) / 3;
            string[] inputs = [w.Last, w.Initializer($"{i}.weight", weight)];
            if (haveBiases)
                inputs = [.. inputs, w.Initializer($"{i}.bias", zeros(2))];
            w.Node("Conv", inputs, ("kernel_shape", (long[])[3, 3]), ("pads", (long[])[1, 1, 1, 1]));
            w.Relu();
        }

        w.Flatten().Gemm(randn(10, 2 * 28 * 28, generator: random) / 40, zeros(10));
        var path = Path.Combine(Path.GetTempPath(), $"{Guid.NewGuid():N}.onnx");
        try
        {
            w.Save(path, "logits", 10);
            using var model = OnnxClassifier.Load(path);
            using var rows = FashionMnist.TestSet(20);
            var gate = new GateRule
            {
                Metric = new RobustAccuracy(),
                Attack = new(Catalog.Default.Get<IAttack>("pgd"), Norm.Linf, 0.1),
                Min = 0.5,
            };
            var context = new RepairContext(model, rows, new Even(), 1, 60, [gate], [gate], [], DateTime.MaxValue);
            Assert.Contains($"{rate},", new AdversarialRepair().Plan(context).First().Name);
        }
        finally
        {
            File.Delete(path);
        }
    }
}

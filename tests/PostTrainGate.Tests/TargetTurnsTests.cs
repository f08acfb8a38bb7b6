using PostTrainGate.Attacks;
using PostTrainGate.Policy;
using Xunit;
using static TorchSharp.torch;

namespace PostTrainGate.Tests;

/// <summary>Attacks toward several wrong classes, side by side where few rows stand.</summary>
public class TargetTurnsTests
{
    // Of three wrong classes the two likeliest are out of reach; the third one wins above 0.5 in the first value.
    private static Tensor Logits(Tensor x)
    {
        var none = zeros_like(x.narrow(1, 0, 1));
        return cat([none, none - 0.1, none - 0.2, x.narrow(1, 0, 1) * 2 - 1], 1);
    }

    [Theory]
    [InlineData("apgd_t", 3)]
    [InlineData("apgd_t", 200)]
    [InlineData("fab_t", 3)]
    [InlineData("fab_t", 200)]
    [InlineData("jsma", 3)]
    public void The_only_class_within_reach_is_found_whichever_it_is(string attack, int rows)
    {
        using var scope = NewDisposeScope();
        using var model = new FunctionClassifier([2], 4, Logits);
        var inputs = stack([linspace(0.05, 0.45, rows), full(rows, 0.5)], 1);
        // JSMA raises values up to the bound, whatever epsilon is: here both, in one step.
        var epsilon = attack == "jsma" ? 1 : 0.25;
        var settings = new AttackSettings(Named.Attack(attack), Norm.Linf, epsilon)
        {
            Steps = attack == "jsma" ? 1 : 20,
        };
        using var outcome = AttackHarness.Run(model, inputs, zeros(rows, dtype: int64), new(settings, 1));
        var within = inputs.select(1, 0).data<float>().Select(x => x + epsilon > 0.5);
        Assert.Equal(within, outcome.Robust.Select(stands => !stands));
    }

    [Fact]
    public void A_row_leaves_with_the_first_of_its_copies()
    {
        using var scope = NewDisposeScope();
        using var model = new FunctionClassifier([1], 2, x => x);
        using var random = new Generator(1);
        var settings = new AttackSettings(Named.Attack("apgd_t"), Norm.Linf, 1);
        AttackContext context = new(model, Budget.FromSettings(settings, model.Input), settings, random);
        using var rows = new ActiveBatch(
            tensor(
                new[,]
                {
                    { 0.1f },
                    { 0.2f },
                    { 0.3f },
                }
            ),
            zeros(3, dtype: int64)
        );
        using var copies = rows.Copies(2);
        using var number = copies.Keep(arange(6));
        var x = arange(6).to(float32).reshape(6, 1) / 10;
        var wrong = tensor(new[] { 0f, 0, 0, 1, 0, 0 }); // the second copy of the second row
        copies.Judge(context, stack([wrong.neg(), wrong - 0.5], 1), x);
        Assert.Equal([0, 1, 4, 5], number.Value.data<long>());
        Assert.Equal(3, rows.Count);
        rows.Refresh();
        Assert.Equal(2, rows.Count);
        Assert.Equal([0.1f, 0.3f, 0.3f], rows.Result.data<float>());
    }
}

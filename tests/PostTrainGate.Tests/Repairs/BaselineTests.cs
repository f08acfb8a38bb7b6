using PostTrainGate.Attacks;
using PostTrainGate.Data;
using PostTrainGate.Models;
using PostTrainGate.Repairs;
using PostTrainGate.Tests.Models;
using Xunit;
using static TorchSharp.torch;

namespace PostTrainGate.Tests.Repairs;

/// <summary>What defines each repair, against something that does not come from it.</summary>
public class BaselineTests
{
    public static TheoryData<string> All { get; } = [.. Catalog.Default.All<IRepair>().Select(r => r.Name)];

    [Theory]
    [MemberData(nameof(All))]
    public void Every_repair_plans_a_candidate_or_says_why_not_in_a_line(string name)
    {
        using var toy = new RepairToy(RepairToy.Parity, RepairToy.LogLoss, RepairToy.Attacked);
        var repair = Catalog.Default.Get<IRepair>(name);
        if (repair.WhyNot(toy.Context) is { } reason)
        {
            Assert.NotEmpty(reason);
            Assert.DoesNotContain('\n', reason);
            return;
        }

        RepairPlan[] plans = [.. repair.Plan(toy.Context)];
        Assert.NotEmpty(plans);
        Assert.Distinct(plans.Select(p => p.Name));
        Assert.All(plans, p => Assert.InRange(p.Seconds, 1e-6, 1e4));
        foreach (var plan in new[] { plans[0], plans[^1] })
        {
            using var candidate = plan.Run(toy.Context, 0.05).Model;
            using var again = plan.Run(toy.Context, 0.05).Model;
            Assert.All(candidate.Parameters, p => Assert.True(p.Value.Same(again.Parameters[p.Key]), p.Key));
            Assert.All(candidate.Parameters, p => Assert.False(p.Value.requires_grad));
        }
    }

    [Theory]
    [InlineData(2)]
    [InlineData(3)]
    public void A_shift_of_the_bias_moves_nothing_but_the_last_bias(int classes)
    {
        using var toy = new RepairToy(classes, [RepairToy.Parity with { Max = 0.02 }]);
        using var model = toy.Run("bias_shift", "bias_shift").Model;
        Assert.Equal([toy.Source.Layers[^1].Bias!], toy.Changed(model));
        Assert.True(toy.Measure(RepairToy.Parity, model) < toy.Measure(RepairToy.Parity, toy.Source));
    }

    [Fact]
    public void A_temperature_changes_no_prediction_and_is_where_the_log_loss_is_least()
    {
        using var toy = new RepairToy(RepairToy.LogLoss);
        var candidate = toy.Run("temperature", "temperature by log loss");
        using var model = candidate.Model;
        Assert.Equal(toy.Predictions(toy.Source), toy.Predictions(model));
        var found = double.Parse(candidate.Details["temperature"], System.Globalization.CultureInfo.InvariantCulture);
        using var logits = toy.Source.LogitsOfAll(toy.Data.Inputs);
        Assert.All(new[] { 0.97, 1.03 }, off => Assert.True(Loss(found) < Loss(found * off)));

        double Loss(double temperature) =>
            nn.functional.cross_entropy(logits / temperature, toy.Data.Labels).item<float>();
    }

    [Theory]
    [InlineData("last_layer (")]
    [InlineData("last_layer from scratch")]
    public void The_last_layer_is_trained_and_all_others_stay_bit_for_bit(string plan)
    {
        using var toy = new RepairToy(RepairToy.Parity);
        using var model = toy.Run("last_layer", plan).Model;
        var head = toy.Source.Layers[^1];
        Assert.Equal(new[] { head.Weight, head.Bias! }.Order(), toy.Changed(model));
    }

    [Fact]
    public void Balanced_rows_have_each_group_and_label_equally_often()
    {
        using var toy = new RepairToy(RepairToy.Parity);
        using var random = new Generator(2);
        using var rows = new GroupCells(toy.Data, toy.Sex).Balanced(random);
        var counts = rows.data<long>()
            .GroupBy(r => (toy.Sex.LevelOf[(int)r], toy.Data.LabelValues[(int)r]))
            .Select(g => g.Count())
            .ToArray();
        Assert.Equal(Enumerable.Repeat(toy.Data.Count / 4, 4), counts);
    }

    // AIF360: w = (n of the group / n) (n of the label / n) / (n of both / n), by 2 + 1 + 1 + 4 rows.
    [Fact]
    public void Weights_of_reweighing_are_those_of_the_formula()
    {
        int[] levels = [0, 0, 0, 1, 1, 1, 1, 1, -1];
        long[] labels = [0, 0, 1, 0, 1, 1, 1, 1, 1];
        using var data = new EvaluationSet(
            zeros(9, 1),
            tensor(labels),
            ["bad", "good"],
            System.Collections.Immutable.ImmutableDictionary<string, GroupColumn>.Empty,
            null,
            1
        );
        var weights = new GroupCells(data, new("g", ["u", "p"], [.. levels], 1, ["g"])).Weights();
        float[] expected =
        [
            3f * 3 / (8 * 2),
            3f * 3 / (8 * 2),
            3f * 5 / (8 * 1),
            5f * 3 / (8 * 1),
            5f * 5 / (8 * 4),
            5f * 5 / (8 * 4),
            5f * 5 / (8 * 4),
            5f * 5 / (8 * 4),
            1,
        ];
        Assert.Equal(expected, weights);
    }

    [Fact]
    public void Suppressed_columns_have_no_effect()
    {
        using var toy = new RepairToy(RepairToy.Parity);
        using var model = toy.Run("suppression", "suppression (").Model;
        using var flipped = toy.Data.Inputs.clone();
        flipped.narrow(1, 0, 2).copy_(1 - toy.Data.Inputs.narrow(1, 0, 2));
        using var before = model.LogitsOfAll(toy.Data.Inputs);
        using var after = model.LogitsOfAll(flipped);
        Assert.True(before.Same(after));
        using var source = toy.Source.LogitsOfAll(flipped);
        using var given = toy.Source.LogitsOfAll(toy.Data.Inputs);
        Assert.False(source.Same(given));
    }

    [Theory]
    [InlineData("care alpha", 13)]
    [InlineData("care by the gates", 13)]
    public void Care_scales_what_reads_hidden_units_and_nothing_else(string plan, int most)
    {
        using var toy = new RepairToy(RepairToy.Parity);
        using var model = toy.Run("care", plan).Model;
        ScalesUnits(toy, model, most, f => f is >= -1e-4 and <= 2 + 1e-4);
    }

    [Fact]
    public void Neurons_are_scaled_by_what_is_folded_into_the_next_layer()
    {
        using var toy = new RepairToy(RepairToy.Parity);
        using var model = toy.Run("neuron_scaling", "neuron_scaling").Model;
        ScalesUnits(toy, model, 6, f => new[] { 0, 0.5, 1, 1.5 }.Any(g => Math.Abs(f - g) < 1e-4));
        Assert.True(toy.Measure(RepairToy.Parity, model) < toy.Measure(RepairToy.Parity, toy.Source));
    }

    // Every column of the head is a multiple of what it was.
    private static void ScalesUnits(RepairToy toy, OnnxClassifier model, int most, Func<double, bool> isFactor)
    {
        var head = toy.Source.Layers[^1];
        Assert.Equal([head.Weight], toy.Changed(model));
        using var scope = NewDisposeScope();
        var (before, after) = (toy.Source.Parameters[head.Weight], model.Parameters[head.Weight]);
        var scaled = 0;
        for (long unit = 0; unit < before.shape[head.InputAxis]; unit++)
        {
            var (was, now) = (before.select(head.InputAxis, unit), after.select(head.InputAxis, unit));
            if (was.abs().max().item<float>() == 0)
                continue;
            var factor = now.dot(was).div(was.dot(was)).item<float>();
            Assert.True(isFactor(factor), $"{factor}");
            Assert.True(allclose(now, was * factor, rtol: 1e-4, atol: 1e-5));
            scaled += factor != 1 ? 1 : 0;
        }

        Assert.InRange(scaled, 1, most);
    }

    // At temperature 1 a student that is its teacher has nothing to learn: the gradient of the cross-entropy is the
    // difference of both distributions.
    [Fact]
    public void Distillation_at_temperature_1_is_cross_entropy_with_the_teachers_probabilities()
    {
        using var toy = new RepairToy(RepairToy.Attacked);
        using var random = new Generator(1);
        using var scope = NewDisposeScope();
        var recipe = Distillation.Student(1, toy.Source);
        var context = new TransformContext(toy.Source, toy.Data, recipe.Tap, random);
        var inputs = recipe.Inputs(context);
        var targets = recipe.Targets(context, inputs);
        var logits = toy.Source.LogitsOfAll(toy.Data.Inputs).requires_grad_();
        var all = arange(toy.Data.Count, ScalarType.Int64);
        var loss = targets.Loss(logits, new(toy.Source, all, toy.Data.Inputs, toy.Data.Labels));
        var p = logits.detach().softmax(1);
        Assert.Equal(p.mul(p.log()).sum(1).mean().neg().item<float>(), loss.item<float>(), 5);
        Assert.InRange(autograd.grad([loss], [logits])[0].abs().max().item<float>(), 0, 1e-6);
    }

    [Theory]
    [InlineData("fgsm")]
    [InlineData("bim")]
    [InlineData("jsma")]
    [InlineData("cw")]
    public void The_static_set_is_what_the_attack_finds_on_the_source(string attack)
    {
        using var toy = new RepairToy(RepairToy.Attacked);
        using var scope = NewDisposeScope();
        var settings = AdversarialStatic.Settings(Named.Attack(attack), RepairToy.Attacked.Attack!);
        var (rows, plain, labels) = AdversarialStatic.Found(toy.Context, settings) switch
        {
            [var a, var b, var c] => (a, b, c),
            _ => throw new InvalidOperationException(),
        };
        Assert.InRange(rows.shape[0], 1, toy.Data.Count);
        Assert.All(AttackHarness.Errs(toy.Source.Logits(rows), labels).data<bool>(), Assert.True);
        var budget = Budget.FromSettings(settings, toy.Source.Input);
        Assert.All(budget.Distance(plain, rows).data<float>(), d => Assert.InRange(d, 0, budget.Epsilon + 1e-5));
        // Rows that were wrong before stay.
        var wrong = AttackHarness.Errs(toy.Source.Logits(plain), labels);
        Assert.True(wrong.any().item<bool>());
        Assert.True(rows[wrong].Same(plain[wrong]));
    }

    [Fact]
    public void The_gradient_of_debiasing_has_only_what_goes_against_the_adversary()
    {
        using var scope = NewDisposeScope();
        manual_seed(3);
        var (label, group) = (randn(4, 5), randn(4, 5));
        var got = AdversarialDebiasing.Without(zeros(4, 5), label, group, 0.1);
        // Along the adversary's gradient only -alpha of it is left; across, all of the label's.
        var unit = group.flatten() / group.norm();
        Assert.Equal(-0.1f * group.norm().item<float>(), got.dot(unit).item<float>(), 4);
        var across = label.flatten() - unit * label.flatten().dot(unit);
        Assert.True(allclose(got - unit * got.dot(unit), across, atol: 1e-5));
    }

    [Theory]
    [InlineData("group_thresholds")]
    [InlineData("reject_option")]
    public void Thresholds_by_group_are_in_the_saved_file(string repair)
    {
        using var toy = new RepairToy(RepairToy.Opportunity);
        using var folder = new TemporaryFolder();
        using var scope = NewDisposeScope();
        var candidate = toy.Run(repair, repair);
        using var model = candidate.Model;
        double[] shifts =
        [
            .. candidate
                .Details["shift"]
                .Split(", ")
                .Select(s => double.Parse(s, System.Globalization.CultureInfo.InvariantCulture)),
        ];
        model.Save(folder.Path("extended.onnx"));
        using var loaded = OnnxClassifier.Load(folder.Path("extended.onnx"), toy.Source.Input);
        var theirs = Ort.Run(folder.Path("extended.onnx"), toy.Data.Inputs);
        Assert.True(allclose(theirs, loaded.LogitsOfAll(toy.Data.Inputs), atol: 1e-5));
        Assert.Equal(toy.Source.Layers.Select(l => l.Weight), loaded.Layers.Select(l => l.Weight));

        // The source's logits, with the shift of each row's sex by hand.
        var by = tensor(toy.Sex.LevelOf.Select(l => (float)shifts[l]).ToArray());
        var expected = toy.Source.LogitsOfAll(toy.Data.Inputs);
        expected.select(1, toy.Data.Favorable).add_(by);
        Assert.True(allclose(expected, theirs, rtol: 1e-2, atol: 1e-2)); // the report rounds shifts
        Assert.NotEqual(shifts[0], shifts[1]);
        Assert.True(toy.Measure(RepairToy.Opportunity, model) < toy.Measure(RepairToy.Opportunity, toy.Source) / 2);
    }

    [Theory]
    [InlineData("group_thresholds")]
    [InlineData("reject_option")]
    public void A_graph_that_is_to_be_kept_is_kept(string repair)
    {
        using var toy = new RepairToy(RepairToy.Opportunity);
        var why = Catalog.Default.Get<IRepair>(repair).WhyNot(toy.Context with { ExtendsGraph = false });
        Assert.Contains("repair.graph: extend", why);
    }
}

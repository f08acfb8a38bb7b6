using PostTrainGate.Models;
using Xunit;
using static TorchSharp.torch;

namespace PostTrainGate.Tests.Cli;

// How a model reads the data.
public sealed partial class InitTests
{
    [Theory]
    [InlineData(0)]
    [InlineData(40)]
    public async Task An_order_of_three_classes_and_rows_that_lack_values_are_found_out(int missing)
    {
        // Small ones are pears, middle ones apples and large ones figs; the model knows them in this order.
        Linear(
            new float[,]
            {
                { 0, 0 },
                { 1, 0 },
                { 2, 0 },
            },
            [0, -33, -99]
        );
        var rows = Enumerable
            .Range(0, 400)
            .Select(i => (Size: i * 37 % 100, Weight: i < missing ? "" : $"{i * 13 % 50}"))
            .Select(r => $"{r.Size},{r.Weight},{(r.Size <= 33 ? "pear" : r.Size <= 66 ? "apple" : "fig")}");
        _folder.Write("fruit.csv", $"size,weight,fruit\n{string.Join('\n', rows)}\n");
        var (code, said, error) = await Run(null, "fruit.csv");
        Assert.True(code == 0, error);
        Assert.Contains("\n  classes: [pear, apple, fig] ", Policy(), StringComparison.Ordinal);
        Assert.Equal(missing > 0, Policy().Contains("\n    missing: drop ", StringComparison.Ordinal));
        Assert.Contains("accuracy: { min: 0.9", said, StringComparison.Ordinal);
        Assert.DoesNotContain("Perhaps", said, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData(0, "no scale: no other is clearly more accurate: 1/16 1.000, none 1.000", null)]
    [InlineData(0.5f, "scale: 1/16 ", "the model is most accurate so: 1/16 1.000, none 0.")]
    public async Task A_scale_is_written_only_where_it_is_clearly_better(float bias, string says, string? why)
    {
        // The first of 16 pixels decides: at half of its range, or where there is no bias, at nothing.
        var weights = new float[2, 16];
        (weights[1, 0], weights[1, 1]) = (1, bias == 0 ? -1 : 0);
        Linear(weights, [bias, 0]);

        var rows = Enumerable
            .Range(0, 400)
            .Select(i => (First: i % 16 + i / 399, Second: i / 16 % 16))
            .Select(r =>
                $"{r.First},{r.Second},{string.Join(',', Enumerable.Repeat(0, 14))},"
                + ((bias == 0 ? r.First > r.Second : r.First > 8) ? "yes" : "no")
            );
        var names = string.Join(',', Enumerable.Range(0, 16).Select(i => $"p{i}"));
        _folder.Write("pixels.csv", $"{names},answer\n{string.Join('\n', rows)}\n");
        var (code, _, error) = await Run(null, "pixels.csv");
        Assert.True(code == 0, error);
        Assert.Contains($"  {(why is null ? "# " : "")}{says}", Policy(), StringComparison.Ordinal);
        Assert.Contains(why ?? says, Policy(), StringComparison.Ordinal);
    }

    [Fact]
    public async Task Numbers_that_stand_for_categories_are_found_out()
    {
        // Inputs: a number and rooms of 1, 3 or 5; who has 3 rooms says yes. A day is no input.
        Linear(
            new float[,]
            {
                { 0, 1, 0, 1 },
                { 0, 0, 1, 0 },
            },
            [0, 0]
        );
        var rows = Enumerable
            .Range(0, 300)
            .Select(i => (Number: i * 37 % 100 / 100.0, Rooms: 1 + i % 3 * 2))
            .Select(r =>
                FormattableString.Invariant($"2026-01-02,{r.Number},{r.Rooms},{(r.Rooms == 3 ? "yes" : "no")}")
            );
        _folder.Write("rooms.csv", $"day,number,rooms,answer\n{string.Join('\n', rows)}\n");
        var (code, said, error) = await Run(null, "rooms.csv");
        Assert.True(code == 0, error);
        Assert.Contains("\n    except: [day] ", Policy(), StringComparison.Ordinal);
        Assert.Contains("\n    categories: { rooms: [\"1\", \"3\", \"5\"] } ", Policy(), StringComparison.Ordinal);
        Assert.Contains("; now 1.000 [", said, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Columns_of_very_different_ranges_are_not_attacked_by_one_epsilon()
    {
        // Without a scale: who is over 50 earns more than 50,000.
        Linear(
            new float[,]
            {
                { 0, 0 },
                { 1, 0.001f },
            },
            [0, -100]
        );
        var rows = Enumerable
            .Range(0, 400)
            .Select(i => i * 37 % 100)
            .Select(age => $"{age},{age * 1000},{(age > 50 ? "yes" : "no")}");
        _folder.Write("people.csv", $"age,income,answer\n{string.Join('\n', rows)}\n");
        var (code, said, error) = await Run(null, "people.csv");
        Assert.True(code == 0, error);
        Assert.Contains("\n  # no attack: the model takes columns of very different ranges, ", Policy());
        Assert.Contains("  corrupted_accuracy: { min: 0.", said, StringComparison.Ordinal);
        Assert.DoesNotContain("robust_accuracy", said, StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_model_that_knows_nothing_is_said_to_be_no_better_than_one_answer()
    {
        Linear(
            new float[,]
            {
                { 0 },
                { 0 },
            },
            [1, 0]
        );
        var rows = Enumerable.Range(0, 200).Select(i => $"{i},{(i % 5 < 2 ? "no" : "yes")}");
        _folder.Write("answers.csv", $"number,answer\n{string.Join('\n', rows)}\n");
        var (code, said, error) = await Run(null, "answers.csv");
        Assert.True(code == 0, error);
        Assert.Contains("always answering 'yes' would be right on 0.600. Perhaps", said, StringComparison.Ordinal);
    }

    // A row of weights a class.
    private void Linear(float[,] weights, float[] bias)
    {
        using var scope = NewDisposeScope();
        new OnnxWriter([weights.GetLength(1)])
            .Gemm(tensor(weights), tensor(bias))
            .Save(_folder.Path("model.onnx"), "logits", bias.Length);
    }
}

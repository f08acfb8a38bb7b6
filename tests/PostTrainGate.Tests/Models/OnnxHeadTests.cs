using PostTrainGate.Foundation;
using PostTrainGate.Models;
using PostTrainGate.Policy;
using Xunit;
using static TorchSharp.torch;

namespace PostTrainGate.Tests.Models;

/// <summary>What stands at a model's end and at its beginning, and which logits come of it.</summary>
public sealed class OnnxHeadTests : IDisposable
{
    private readonly TemporaryFolder _folder = new();

    public void Dispose() => _folder.Dispose();

    public static TheoryData<string> Names() => [.. Heads.Keys];

    // What follows three units z [n, 3] (one unit where the name says so): the head, and logits as z states them.
    private static readonly Dictionary<
        string,
        (OutputHead Head, long Units, Action<OnnxWriter> End, long Opset)
    > Heads = new()
    {
        ["logits"] = (OutputHead.Logits, 3, _ => { }, 13),
        ["logits after an identity"] = (OutputHead.Logits, 3, w => w.Then("Identity"), 13),
        ["softmax 13"] = (OutputHead.Softmax, 3, w => w.Softmax(), 13),
        ["softmax 9"] = (OutputHead.Softmax, 3, w => w.Then("Softmax"), 9),
        ["softmax, last axis"] = (OutputHead.Softmax, 3, w => w.Then("Softmax"), 13),
        ["softmax over two"] = (OutputHead.Softmax, 2, w => w.Softmax(), 13),
        ["log-softmax"] = (OutputHead.LogSoftmax, 3, w => w.Then("LogSoftmax", ("axis", 1L)), 13),
        ["softmax, then reshaped"] = (
            OutputHead.Softmax,
            3,
            w => w.Node("Reshape", [w.Softmax().Last, w.Initializer("s", tensor(new long[] { 0, 3 }))]),
            13
        ),
        ["softmax over an image of one pixel"] = (
            OutputHead.Softmax,
            3,
            w =>
                w.Then("Unsqueeze", ("axes", new long[] { 2, 3 }))
                    .Then("Softmax", ("axis", 1L))
                    .Then("Flatten")
                    .Then("Dropout"),
            11
        ),
        ["a sigmoid unit"] = (OutputHead.Sigmoid, 1, w => w.Then("Sigmoid"), 13),
        ["a sigmoid unit, squeezed"] = (
            OutputHead.Sigmoid,
            1,
            w => w.Then("Sigmoid").Then("Squeeze", ("axes", new long[] { 1 })),
            11
        ),
        ["a unit before its sigmoid"] = (OutputHead.Sigmoid, 1, _ => { }, 13),
        ["a unit before its sigmoid, squeezed"] = (
            OutputHead.Sigmoid,
            1,
            w => w.Then("Squeeze", ("axes", new long[] { 1 })),
            11
        ),
        ["sigmoid units"] = (OutputHead.Sigmoid, 3, w => w.Then("Sigmoid"), 13),
    };

    [Theory]
    [MemberData(nameof(Names))]
    public void Logits_are_taken_before_the_head(string name)
    {
        using var scope = NewDisposeScope();
        var (head, units, end, opset) = Heads[name];
        var (w, b) = (randn(units, 4), randn(units));
        OnnxWriter writer = new([4], opset);
        end(writer.Gemm(w, b));
        OnnxFile.Write(_folder.Path("model.onnx"), writer.Build());
        using var model = OnnxClassifier.Load(_folder.Path("model.onnx"));

        Assert.Equal(head, model.Head);
        Assert.Equal(units == 1 ? 2 : units, model.Classes);
        var x = rand(7, 4);
        var z = x.matmul(w.t()) + b;
        var expected = units == 1 ? cat([zeros(7, 1), z], 1) : z;
        var logits = model.Logits(x);
        Assert.Equal([7, model.Classes], logits.shape);
        Assert.True(allclose(logits, expected, rtol: 1e-5, atol: 1e-6));

        // Softmax of these logits is what the file says (of several sigmoids, each for itself).
        if (
            head != OutputHead.Softmax
            && !(head == OutputHead.Sigmoid && units == 1 && name.Contains("before", StringComparison.Ordinal) == false)
        )
            return;
        var stated = Ort.Run(_folder.Path("model.onnx"), x).reshape(7, -1);
        var probabilities = logits.softmax(1);
        Assert.True(allclose(units == 1 ? probabilities[.., 1..] : probabilities, stated, rtol: 1e-5, atol: 1e-6));
    }

    [Fact]
    public void Logits_have_the_gradient_that_saturated_probabilities_have_lost()
    {
        using var scope = NewDisposeScope();
        var w = tensor(
            new float[,]
            {
                { 400, 0 },
                { 0, 400 },
            }
        );
        OnnxWriter writer = new([2]);
        writer.Gemm(w, zeros(2)).Softmax().Save(_folder.Path("model.onnx"), "probabilities", 2);
        using var model = OnnxClassifier.Load(_folder.Path("model.onnx"));
        var x = tensor(
                new float[,]
                {
                    { 1, 0 },
                }
            )
            .requires_grad_();
        model.Logits(x)[0, 0].backward();
        Assert.Equal([400, 0], x.grad!.data<float>().ToArray());
        Assert.Equal(1, model.Activations(x, "probabilities")[0, 0].item<float>());
    }

    [Fact]
    public void A_softmax_that_is_not_over_classes_is_an_error()
    {
        OnnxWriter writer = new([3]);
        writer.Then("Softmax", ("axis", 0L)).Save(_folder.Path("model.onnx"), "probabilities", 3);
        Assert.Equal(
            DiagnosticCodes.ModelShape,
            Assert.Throws<GateException>(() => OnnxClassifier.Load(_folder.Path("model.onnx"))).Diagnostics[0].Code
        );
    }

    [Fact]
    public void Probabilities_that_no_softmax_made_are_seen_or_named_by_the_user()
    {
        using var scope = NewDisposeScope();
        OnnxWriter writer = new([4]);
        var e = writer.Gemm(randn(3, 4), randn(3)).Then("Exp").Last;
        writer.Node("Div", [e, writer.Node("ReduceSum", [e, writer.Initializer("axes", tensor(new long[] { 1 }))])]);
        OnnxFile.Write(_folder.Path("model.onnx"), writer.Build());
        var x = rand(6, 4);
        var stated = Ort.Run(_folder.Path("model.onnx"), x);
        using var seen = OnnxClassifier.Load(_folder.Path("model.onnx"));
        Assert.Equal(OutputHead.Probabilities, seen.Head);
        Assert.True(allclose(seen.Logits(x), stated.log(), rtol: 1e-5, atol: 1e-5));
        using var taken = OnnxClassifier.Load(_folder.Path("model.onnx"), output: new(Head: OutputHead.Logits));
        Assert.True(allclose(taken.Logits(x), stated, rtol: 1e-5, atol: 1e-6));
    }

    [Theory]
    [InlineData("Softmax", OutputHead.Logits)]
    [InlineData("Softmax", OutputHead.Probabilities)]
    [InlineData("Sigmoid", OutputHead.Logits)]
    public void A_head_that_the_user_knows_better_stays_on(string op, OutputHead wanted)
    {
        using var scope = NewDisposeScope();
        OnnxFile.Write(_folder.Path("model.onnx"), new OnnxWriter([4]).Gemm(randn(3, 4), randn(3)).Then(op).Build());
        using var model = OnnxClassifier.Load(_folder.Path("model.onnx"), output: new(Head: wanted));
        Assert.Equal(wanted, model.Head);
        var x = rand(6, 4);
        var stated = Ort.Run(_folder.Path("model.onnx"), x);
        Assert.True(
            allclose(model.Logits(x), wanted == OutputHead.Logits ? stated : stated.log(), rtol: 1e-5, atol: 1e-5)
        );
    }

    [Fact]
    public void A_head_that_does_not_fit_the_values_is_an_error()
    {
        OnnxWriter writer = new([4]);
        var first = writer.Gemm(ones(3, 4), ones(3)).Last;
        var model = writer.Then("Relu").Build("second");
        model.Graph.Output.Add(new PostTrainGate.Models.Onnx.ValueInfoProto(model.Graph.Output[0]) { Name = first });
        OnnxFile.Write(_folder.Path("model.onnx"), model);
        string Refused(OutputPolicy output) =>
            Assert.Throws<GateException>(() => OnnxClassifier.Load(_folder.Path("model.onnx"), output: output)).Message;
        Assert.Contains("does not end in a softmax", Refused(new(Head: OutputHead.Softmax)), StringComparison.Ordinal);
        Assert.Contains("outside [0, 1]", Refused(new(Head: OutputHead.Probabilities)), StringComparison.Ordinal);
        Assert.Contains(
            $"has no output 'third'; it has 'second' and '{first}'",
            Refused(new(Name: "third")),
            StringComparison.Ordinal
        );
        using var other = OnnxClassifier.Load(_folder.Path("model.onnx"), output: new(Name: first));
        using var x = zeros(1, 4).sub(1);
        using var logits = other.Logits(x);
        Assert.Equal([-3, -3, -3], logits.data<float>().ToArray()); // before the Relu
    }

    [Theory]
    [InlineData(new[] { 0.2, 0.4, 0.6 }, new[] { 0.5, 0.25, 2 }, new long[] { 3, 4, 5 }, 1)]
    [InlineData(new[] { 0.2, 0.4, 0.6 }, new double[0], new long[] { 4, 5, 3 }, 3)]
    [InlineData(new double[0], new[] { 0.5, 0.25 }, new long[] { 2 }, 1)]
    [InlineData(new[] { 0.3 }, new[] { 0.5 }, new long[] { 2, 3 }, 1)]
    public void Inputs_are_in_the_units_of_the_data(double[] mean, double[] std, long[] shape, int axis)
    {
        using var scope = NewDisposeScope();
        var count = shape.Aggregate((a, b) => a * b);
        OnnxWriter writer = new(shape);
        writer.Flatten().Gemm(randn(3, count), randn(3)).Save(_folder.Path("model.onnx"), "logits", 3);
        using var plain = OnnxClassifier.Load(_folder.Path("model.onnx"));
        using var model = OnnxClassifier.Load(_folder.Path("model.onnx"), new() { Mean = [.. mean], Std = [.. std] });
        using var clone = model.Clone();

        var x = rand([5, .. shape]);
        var normalized = x.clone();
        for (var i = 0L; i < x.shape[axis]; i++)
        {
            var channel = normalized.select(axis, i);
            if (mean.Length > 0)
                channel.sub_((float)mean[Math.Min(i, mean.Length - 1)]);
            if (std.Length > 0)
                channel.div_((float)std[Math.Min(i, std.Length - 1)]);
        }

        Assert.True(allclose(plain.Logits(normalized), model.Logits(x), rtol: 1e-5, atol: 1e-5));
        Assert.True(allclose(model.Logits(x), clone.Logits(x)));
    }

    [Fact]
    public void A_mean_that_no_axis_fits_is_an_error()
    {
        OnnxWriter writer = new([3, 4, 5]);
        writer.Flatten().Gemm(randn(2, 60), randn(2)).Save(_folder.Path("model.onnx"), "logits", 2);
        var error = Assert.Throws<GateException>(() =>
            OnnxClassifier.Load(_folder.Path("model.onnx"), new InputPolicy { Mean = [1, 2] })
        );
        Assert.Equal(DiagnosticCodes.ModelShape, error.Diagnostics[0].Code);
    }

    [Theory]
    [InlineData(1)]
    [InlineData(4)]
    public void A_file_that_fixes_its_batch_takes_any(long batch)
    {
        using var scope = NewDisposeScope();
        OnnxWriter writer = new([2, 4, 4], batch: batch);
        writer.Conv(randn(3, 2, 3, 3), randn(3), padding: 1).Relu();
        writer.Node("Reshape", [writer.Last, writer.Initializer("shape", tensor(new[] { batch, 48 }))]);
        OnnxFile.Write(_folder.Path("model.onnx"), writer.Gemm(randn(5, 48), randn(5)).Softmax().Build());
        using var model = OnnxClassifier.Load(_folder.Path("model.onnx"));
        var x = rand(3 * batch, 2, 4, 4);
        var expected = cat(
            [.. Enumerable.Range(0, 3).Select(i => Ort.Run(_folder.Path("model.onnx"), x.narrow(0, i * batch, batch)))],
            0
        );
        Assert.True(allclose(model.Logits(x).softmax(1), expected, rtol: 1e-5, atol: 1e-5));
        Assert.Equal([7, 5], model.Logits(rand(7, 2, 4, 4)).shape);
    }

    [Fact]
    public void Axes_that_the_file_leaves_open_take_any_size()
    {
        using var scope = NewDisposeScope();
        OnnxWriter writer = new([3, -1, -1]);
        writer.Conv(randn(4, 3, 3, 3), randn(4)).Relu().Then("GlobalAveragePool").Flatten().Gemm(randn(2, 4), randn(2));
        OnnxFile.Write(_folder.Path("model.onnx"), writer.Build());
        using var model = OnnxClassifier.Load(_folder.Path("model.onnx"));
        Assert.Equal([3, -1, -1], model.InputShape.ToArray());
        foreach (var size in new[] { 5, 12 })
        {
            var x = rand(2, 3, size, size + 1);
            Assert.True(allclose(model.Logits(x), Ort.Run(_folder.Path("model.onnx"), x), rtol: 1e-5, atol: 1e-5));
        }
    }

    [Fact]
    public void Inputs_of_another_shape_or_type_are_an_error()
    {
        using var scope = NewDisposeScope();
        new OnnxWriter([4]).Gemm(randn(2, 4), randn(2)).Save(_folder.Path("model.onnx"), "logits", 2);
        using var model = OnnxClassifier.Load(_folder.Path("model.onnx"));
        foreach (var wrong in new[] { rand(3, 5), rand(4), rand(3, 4, 1), rand([3, 4], dtype: float64) })
        {
            var error = Assert.Throws<GateException>(() => model.Logits(wrong));
            Assert.Equal(DiagnosticCodes.ModelShape, error.Diagnostics[0].Code);
            Assert.Contains("[batch, 4]", error.Message, StringComparison.Ordinal);
        }

        Assert.Throws<ArgumentException>(() => model.Activations(rand(3, 4), "nowhere"));
        Assert.Equal([0, 2], model.Logits(rand(0, 4)).shape);
    }
}

using System.Collections.Immutable;
using PostTrainGate.Foundation;
using PostTrainGate.Policy;
using PostTrainGate.Torch;
using static TorchSharp.torch;
using TensorElementType = Microsoft.ML.OnnxRuntime.Tensors.TensorElementType;

namespace PostTrainGate.Models;

/// <summary>Compares a rebuilt graph with ONNX Runtime on one seeded batch.</summary>
internal static class OnnxAgreement
{
    /// <summary>Largest difference in float32: absolute for values up to 1, relative above.</summary>
    public const double Tolerance = 1e-4;

    /// <summary>Rows of the data that it is tried on, beside drawn ones.</summary>
    public const int Rows = 3;

    private const long MaxTrial = 1 << 24;

    private const long MaxAlive = 1 << 30;

    /// <summary>What an open axis may be: usual sizes of images, tried in turn.</summary>
    public static readonly long[] OpenSizes = [28, 32, 224, 64, 16, 8, 299];

    /// <summary>Runs one batch through both.</summary>
    /// <param name="file">The file.</param>
    /// <param name="model">What it was rebuilt to.</param>
    /// <param name="input">Bounds of inputs.</param>
    /// <param name="normalization">From bounds to the model's units.</param>
    /// <param name="rows">
    /// Rows of the data, [n, input shape]; null where there are none, so that open axes are guessed.
    /// </param>
    /// <returns>
    /// Number of units before the head, the head (that of the graph, or what the values show), and the memory of a row.
    /// </returns>
    /// <exception cref="GateException">
    /// PTG2003 with the first node that differs; PTG2004 where the output is no classifier's.
    /// </exception>
    public static (long Units, OutputHead Head, PassFootprint Row) Check(
        OnnxFile file,
        CompiledModel model,
        InputPolicy input,
        InputNormalization normalization,
        Tensor? rows = null
    )
    {
        using var _ = no_grad();
        using var scope = NewDisposeScope();
        var (x, ours, row) = Trial(file, model, input, normalization, rows);
        var theirs = Run(file, model, x, model.Signature.Output)[0]
            ?? throw OnnxSignature.Wrong(
                file,
                $"has the output {Wording.Quote(model.Signature.Output)}, which is not a floating-point tensor"
            );
        if (!Agree(ours[0], theirs, model.Tolerance))
            throw new GateException(new Diagnostic(DiagnosticCodes.ModelDisagrees, FirstDifference(file, model, x)));

        if (file.Lowering is not null)
            RequireGradient(file, model, x);
        // One axis counts classes, others are left over from an image of one pixel; a single unit may have none.
        if (
            ours[1].dim() == 0
            || theirs.dim() == 0
            || ours[1].shape[0] != x.shape[0]
            || ours[1].shape.Skip(1).Count(d => d != 1) > 1
        )
        {
            throw OnnxSignature.Wrong(
                file,
                $"returns an output of shape [{string.Join(", ", ours[0].shape)}] for {x.shape[0]} rows; "
                    + "a classifier returns [batch, classes]"
            );
        }

        var logits = ours[1].reshape(x.shape[0], -1);
        if (model.Logits != model.Output && !OnnxHead.Restores(model.Head, logits, ours[0]))
            throw OnnxSignature.Wrong(file, $"ends in a {model.Head} that is not over the class dimension");
        if (model.Head == OutputHead.Probabilities && !OnnxHead.AreShares(logits))
            throw OnnxSignature.Wrong(
                file,
                "returns values outside [0, 1], which contradicts 'output.head: probabilities'"
            );
        if (file.Lowering is not null && model.Signature.Head is null && OnnxHead.IsSingleShare(model.Head, logits))
            throw OnnxSignature.Wrong(file, OnnxHead.SingleShare);
        // One that is written out node by node, say.
        var probabilities =
            model.Head == OutputHead.Logits && model.Signature.Head is null && OnnxHead.AreProbabilities(logits);
        return (logits.shape[1], probabilities ? OutputHead.Probabilities : model.Head, row);
    }

    /// <summary>
    /// Values of what the model was rebuilt from in ONNX Runtime, in float32; null where one is no floating number.
    /// </summary>
    /// <exception cref="GateException">PTG2001: ONNX Runtime refuses the file.</exception>
    public static Tensor?[] Run(OnnxFile file, CompiledModel model, Tensor x, params IReadOnlyList<string> outputs)
    {
        var signature = model.Signature;
        using var work = NativeWork.Begin($"ONNX Runtime running '{file.Name}'");
        // A lowered graph is compared with the file as it is, whose maps hold the numbers of what they are made of.
        var (source, feeds) = (file.Lowering?.Source ?? file, file.Lowering?.Feeds);
        if (feeds is not null)
            outputs =
            [
                .. outputs.Select(o =>
                    source.Producers.GetValueOrDefault(o) is { OpType: "ZipMap" } maps ? maps.Input[0] : o
                ),
            ];
        using var session = new OnnxSession(
            file,
            feeds is null
                ? file.Part(model.Nodes, [signature.Input], outputs)
                : source.Part(source.Needed(outputs), [], outputs),
            outputs,
            threads: 1
        );
        // A file that fixes its batch gets as many batches as there are.
        var batch = signature.Batch > 0 ? signature.Batch : x.shape[0];
        var parts = new List<Tensor?[]>();
        for (long start = 0; start < x.shape[0]; start += batch)
        {
            using var rows = x.narrow(0, start, batch);
            var values = feeds?.Fill(rows) ?? [OnnxSession.Value(rows, signature.Type)];
            try
            {
                parts.Add([.. session.Run(feeds?.Names ?? [signature.Input], values).Select(Floating)]);
            }
            finally
            {
                foreach (var value in values)
                    value.Dispose();
            }
        }

        if (parts.Count == 1)
            return parts[0];
        return
        [
            .. outputs.Select(
                (_, i) =>
                    parts[0][i] is not { } first ? null
                    : first.dim() > 0 && (batch > 1 || first.size(0) == 1) ? cat([.. parts.Select(p => p[i]!)], 0)
                    : stack(parts.Select(p => p[i]!))
            ),
        ];

        static Tensor? Floating(Tensor? value) =>
            value is not null && value.is_floating_point() ? value.to_type(ScalarType.Float32) : null;
    }

    /// <summary>Whether two values agree.</summary>
    public static bool Agree(Tensor a, Tensor b, double tolerance = Tolerance) =>
        a.shape.SequenceEqual(b.shape) && allclose(a, b, rtol: tolerance, atol: tolerance, equal_nan: true);

    /// <summary>
    /// Largest difference for a file with weights of these types, which ONNX Runtime rounds values to: a few units of
    /// the last place.
    /// </summary>
    public static double ToleranceOf(IReadOnlySet<int> types) =>
        types.Contains((int)TensorElementType.BFloat16) ? 1.0 / 16
        : types.Contains((int)TensorElementType.Float16) ? 1.0 / 128
        : Tolerance;

    // Where all inputs are integers that are compared only, nothing leads from scores to them.
    private static void RequireGradient(OnnxFile file, CompiledModel model, Tensor x)
    {
        using var gradients = enable_grad();
        var row = x.narrow(0, 0, 1).detach().clone().requires_grad_();
        if (Values(model, row, [model.Logits])[0] is { requires_grad: false })
            throw new GateException(
                new Diagnostic(
                    DiagnosticCodes.ModelOperator,
                    $"The model '{file.Name}' cannot be rebuilt with gradients: its scores are constant around each row."
                )
            );
    }

    // On the model's device, and back.
    private static Tensor[] Values(CompiledModel model, Tensor x, int[] taps, PassMeter? meter = null) =>
        [.. model.Run(model.State, model.Device.Take(x), taps, meter).Select(v => v.On(x))];

    private static (Tensor X, Tensor[] Values, PassFootprint Row) Trial(
        OnnxFile file,
        CompiledModel model,
        InputPolicy input,
        InputNormalization normalization,
        Tensor? rows
    )
    {
        var signature = model.Signature;
        var sizes = signature.InputShape.Contains(-1) ? OpenSizesOf(file, signature.InputShape) : [1];
        foreach (var size in sizes)
        {
            long[] shape = [.. signature.InputShape.Select(d => d < 0 ? size : d)];
            var count = signature.Batch > 0 ? 2 * signature.Batch : 3;
            if (shape.Aggregate((Int128)count, (a, b) => a * b) > MaxTrial)
                throw OnnxSignature.Wrong(
                    file,
                    $"takes batches of shape [{string.Join(", ", shape.Prepend(signature.Batch))}], "
                        + "which exceed the memory limit"
                );
            var x = normalization.Apply(Sample(count, shape, input, rows));
            try
            {
                var meter = new PassMeter(MaxAlive);
                return (x, Values(model, x, [model.Output, model.Logits], meter), meter.PerRow(count));
            }
            catch (GateException) when (size != sizes[^1])
            {
                // Not this size.
            }
        }

        throw new InvalidOperationException("the last batch size must not fail silently");
    }

    /// <summary>
    /// What an open axis may be where no data tells it: sizes that weights of the file have, as they are or as an
    /// image's side, and usual ones.
    /// </summary>
    public static long[] OpenSizesOf(OnnxFile file, ImmutableArray<long> shape)
    {
        var channels = shape.Where(d => d > 0).DefaultIfEmpty(1).Min();
        var open = shape.Count(d => d < 0);
        var sides = file
            .Graph.Initializer.Where(t => t.Dims.Count == 2)
            .SelectMany(t => t.Dims)
            .Where(d => d is > 0 and <= 1 << 20)
            .Distinct()
            .Take(64)
            .Select(d => open == 1 ? d : (long)Math.Sqrt(d / (double)channels))
            .Where(d => d is > 0 and <= 4096);
        return [.. OpenSizes, .. sides.Distinct().Except(OpenSizes)];
    }

    // As many rows as asked for: drawn ones, and those of the data in place of the last of them.
    private static Tensor Sample(long count, long[] shape, InputPolicy input, Tensor? rows)
    {
        using var random = new Generator(1);
        var drawn = rand([count, .. shape], generator: random) * (input.Upper - input.Lower) + input.Lower;
        if (rows is null)
            return drawn;
        var given = rows.narrow(0, 0, Math.Min(rows.size(0), Math.Max(1, count - 1)));
        return count == given.size(0) ? given : cat([drawn.narrow(0, 0, count - given.size(0)), given], 0);
    }

    // Only now every value is made an output of a copy.
    private static string FirstDifference(OnnxFile file, CompiledModel model, Tensor x)
    {
        var nodes = model.Nodes.ToHashSet(ReferenceEqualityComparer.Instance);
        var known = file.Lowering?.Source.Producers;
        var steps = model
            .Graph.Steps.Where(s =>
                nodes.Contains(s.Node)
                && (known is null || known.GetValueOrDefault(s.OutputName) is { OpType: not "ZipMap" })
            )
            .ToList();
        string[] names = [.. steps.Select(s => s.OutputName)];
        var ours = Values(model, x, [.. steps.Select(s => s.Output)], new(MaxAlive));
        var theirs = Run(file, model, x, names);
        for (var i = 0; i < names.Length; i++)
        {
            if (theirs[i] is not { } expected || Agree(ours[i].to_type(ScalarType.Float32), expected, model.Tolerance))
                continue;
            var by = ours[i].shape.SequenceEqual(expected.shape)
                ? $"by up to {(ours[i] - expected).abs().max().item<float>():G3}"
                : $"in shape: [{string.Join(", ", ours[i].shape)}] instead of [{string.Join(", ", expected.shape)}]";
            return $"The rebuilt graph of '{file.Name}' and ONNX Runtime disagree; "
                + $"the first node that differs is {OnnxNode.Describe(steps[i].Node)}, {by}.";
        }

        return $"The rebuilt graph of '{file.Name}' and ONNX Runtime disagree "
            + $"in the output {Wording.Quote(model.Signature.Output)}.";
    }
}

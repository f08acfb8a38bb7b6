using System.Text;
using PostTrainGate.Cli;
using PostTrainGate.Models;

VectorWidth.Pin(); // before the first tensor
if (Console.OutputEncoding.CodePage != Encoding.UTF8.CodePage)
    Console.OutputEncoding = new UTF8Encoding(encoderShouldEmitUTF8Identifier: false);
return await CommandLine.RunAsync(args, CliHost.OfProcess());
